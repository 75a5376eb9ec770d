"""What tests of verdicts remember: notes of one person that have nothing to do with each other."""

NOTES = [
    "We should move the standup to half past nine.",
    "My dog Rex is afraid of thunder.",
    "The quarterly report is due on Friday.",
    "Carla plays the cello in a string quartet.",
    "The heating is serviced in October.",
]
