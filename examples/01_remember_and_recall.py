"""The smallest useful thing: remember a handful of facts, recall by meaning, and read what the memory says about it.

Shows namespaces (nothing of Ben's is seen when Ana asks), actors, metadata with a filter, and the block for a prompt.
"""

from __future__ import annotations

from am_agent import Memory

ANA, BEN = ("ana",), ("ben",)


def main() -> None:
    """Remember and recall in RAM; `Memory("memory.db")` would do the same in a file."""
    with Memory() as memory:
        memory.remember("My dog Rex is afraid of thunder.", namespace=ANA, actor="ana", metadata={"topic": "pets"})
        memory.remember("I never eat nuts, I am allergic to them.", namespace=ANA, actor="ana")
        memory.remember("The flat's heating is serviced every October.", namespace=ANA, actor="landlord")
        memory.remember("The vet said that Rex needs his next vaccination in March.", namespace=ANA, actor="assistant")
        memory.remember("My cat Mia sleeps all day.", namespace=BEN, actor="ben", metadata={"topic": "pets"})

        recall = memory.recall("Is there any food she must avoid?", namespace=ANA, k=3)
        print("Is there any food she must avoid?")
        print(f"energy {recall.energy:.3f} over {recall.episodes} episodes")
        for each in recall:
            print(f"  similarity {each.similarity:.3f}  weight {each.weight:.3f}  {each.episode.actor}: {each.text}")

        pets = memory.recall("Which animals are there?", namespace=ANA, where={"topic": "pets"})
        print("\nWhich animals are there? (only the topic pets)")
        for each in pets:
            print(f"  {each.text}")

        print("\nFor a prompt:")
        print(memory.recall("When does Rex see the vet?", namespace=ANA, k=1).as_prompt())


if __name__ == "__main__":
    main()
