"""Storage: SQLAlchemy tables, the journal, migrations. Knows rows and bytes; nothing of models or of the network."""
