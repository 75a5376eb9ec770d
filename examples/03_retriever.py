"""A retriever over documents, for retrieval-augmented generation.

The handbook of a small observatory: one document is longer than the encoder's window of 256 tokens and so becomes
several patterns of one episode, found by what stands at its end as well as by what stands at its beginning. The same
question is asked of all documents and, with `where`, of some; what was found becomes the context of a prompt.
"""

from __future__ import annotations

from am_agent import Memory, Recall

DOCUMENTS = [
    {
        "id": "visits-2019",
        "text": "Visiting the observatory (2019). Public evenings are on Saturdays from October to March. Tickets cost "
        "eight euros and are sold at the door. If clouds cover the sky, the evening takes place in the lecture hall, "
        "and no money is given back.",
        "metadata": {"source": "visits-2019.md", "kind": "visitors", "year": 2019},
    },
    {
        "id": "visits-2025",
        "text": "Visiting the observatory (2025). Public evenings are on Fridays and Saturdays, all year. Tickets "
        "cost twelve euros and are sold online only. If clouds cover the sky, the evening is cancelled by six o'clock, "
        "and everybody gets their money back within a week.",
        "metadata": {"source": "visits-2025.md", "kind": "visitors", "year": 2025},
    },
    {
        "id": "dome",
        "text": "Opening the dome. Look at the weather mast first: above fifty kilometres of wind per hour or when the "
        "air is damper than ninety per cent, the dome stays shut. Switch on the motor at the east pillar, wait for the "
        "green lamp, and open the shutter by a third before you turn the dome. Never turn it over the ladder.\n"
        "\n"
        "Starting the telescope. Take off the lid of the main mirror and let the fans run for forty minutes, until the "
        "glass is as cold as the air; stars look like small clouds as long as it is warmer. Then point the telescope "
        "at a bright star near the meridian, centre it in the finder and in the eyepiece, and press the button that "
        "sets the clock drive. The pointing is good to a minute of arc for the rest of the night, unless somebody "
        "leans on the tube.\n"
        "\n"
        "Changing the camera. The camera is cooled to minus twenty degrees. Warm it up slowly, at most two degrees per "
        "minute, before you take it off, or water will condense on the sensor. Screw the eyepiece holder on by hand, "
        "never with a wrench, and balance the tube again with the weight at its lower end. Write every change into "
        "the night book, with the hour and your name.\n"
        "\n"
        "Closing down. Park the telescope to the south, put the lid on the mirror, close the shutter and only then "
        "switch off the motor. The key of the dome goes into the blue box beside the kitchen door, and nowhere else. "
        "Whoever leaves last turns on the heating of the stairs, because ice forms there before dawn.",
        "metadata": {"source": "dome.md", "kind": "operations", "year": 2024},
    },
    {
        "id": "library",
        "text": "The library lends star charts, binoculars and two small telescopes to members for three weeks. A "
        "deposit of fifty euros is asked for each telescope. What is damaged is repaired by our own workshop, at the "
        "cost of the parts.",
        "metadata": {"source": "library.md", "kind": "members", "year": 2023},
    },
]


def show(question: str, recall: Recall) -> None:
    """Print the sources that a question found."""
    print(f"\n{question}  (energy {recall.energy:.3f})")
    for each in recall:
        print(f"  weight {each.weight:.3f}  {each.episode.metadata['source']}: {each.text[:60]}...")


def main() -> None:
    """Remember the documents, ask, and write the prompt."""
    with Memory() as memory:
        memory.remember_many(DOCUMENTS)
        stats = memory.stats()
        print(f"{stats.episodes} documents, {stats.patterns} patterns: the long one has several")

        show("Where does the key of the dome go?", memory.recall("Where does the key of the dome go?", k=2))

        question = "How much does a ticket cost?"
        show(question, memory.recall(question, k=2))
        recent = memory.recall(question, k=2, where={"and": [{"kind": "visitors"}, {"year": {"gte": 2020}}]})
        show(f"{question} [visitors, since 2020]", recent)

        print("\nThe prompt of a chain:\n")
        print(f"Answer from the memory alone, and name the id.\n\n{recent.as_prompt()}\n\nQuestion: {question}")


if __name__ == "__main__":
    main()
