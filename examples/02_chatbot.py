"""A chatbot that remembers across restarts.

Session 1 is held, the memory is closed, and a second one is opened on the same file, as after a restart. Session 2
asks about what was said in session 1, and the bot answers from the memory. Each user has a namespace, so another user
who asks the same learns nothing. Each turn first recalls and then remembers, so a message is never its own answer.

With `--interactive` you type instead of the script; with `--db FILE` the memory outlives the program.
"""

from __future__ import annotations

import argparse
import html
import re
import tempfile
from datetime import datetime
from pathlib import Path

from am_agent import Memory

Message = dict[str, str]


class ScriptedModel:
    """Stands in for a language model: reads the memory block and the message of its prompt, and nothing else.

    To a question it quotes the first thing in the block that the user once told it; the rest it only acknowledges.
    """

    _ENTRY = re.compile(r'<entry [^>]*actor="user"[^>]*>(.*?)</entry>', re.DOTALL)

    def reply(self, memories: str, message: str) -> str:
        """Answer the message, given the block that `Recall.as_prompt` wrote."""
        if not message.endswith("?"):
            return "I'll keep that in mind."
        told = [html.unescape(text) for text in self._ENTRY.findall(memories)]
        facts = [text for text in told if not text.endswith("?")]
        return f'You told me: "{facts[0]}"' if facts else "You have not told me yet."


class Chatbot:
    """One conversation of one user, over a memory that holds all of them."""

    def __init__(self, memory: Memory, model: ScriptedModel, *, user: str, session: str) -> None:
        self._memory = memory
        self._model = model
        self._namespace = (user,)
        self._session = session
        self._messages: list[Message] = []

    def say(self, text: str) -> str:
        """Take one message of the user and answer it."""
        recall = self._memory.recall(text, namespace=self._namespace)
        answer = self._model.reply(recall.as_prompt(max_chars=2000), text)
        self._messages += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
        # The whole conversation every time: what is recorded already is left as it is, and costs no embedding.
        self._memory.remember_messages(self._messages, namespace=self._namespace, session=self._session)
        return answer


def talk(bot: Chatbot, messages: list[str], *, name: str) -> None:
    """Hold a scripted conversation and print it."""
    for message in messages:
        print(f"{name}: {message}")
        print(f"bot: {bot.say(message)}")


def scripted(db: Path) -> None:
    """Two sessions with a restart between them, and a stranger."""
    model = ScriptedModel()
    with Memory(db) as memory:
        print("--- Monday")
        bot = Chatbot(memory, model, user="ana", session="monday")
        talk(bot, ["Hi, I am Ana.", "My sister Clara moved to Lisbon.", "I am allergic to peanuts."], name="ana")

    with Memory(db) as memory:
        print(f"--- Thursday, after a restart: {memory.count(namespace=('ana',))} messages of Ana are in the file")
        asked = ["Where does my sister live?", "Which food must I avoid?"]
        talk(Chatbot(memory, model, user="ana", session="thursday"), asked, name="ana")
        talk(Chatbot(memory, model, user="ben", session="thursday"), asked[:1], name="ben")


def interactive(db: Path) -> None:
    """Talk with whoever sits at the keyboard, until an empty line or the end of the input."""
    with Memory(db) as memory:
        bot = Chatbot(memory, ScriptedModel(), user="you", session=datetime.now().astimezone().isoformat())
        print("Tell me something, or ask with a question mark. An empty line ends it.")
        try:
            while text := input("you: ").strip():
                print(f"bot: {bot.say(text)}")
        except EOFError:
            print()


def main() -> None:
    """Read the arguments and talk."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path, help="the memory's file (default: one in a temporary folder)")
    parser.add_argument("--interactive", action="store_true", help="type yourself")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = arguments.db or Path(folder) / "chatbot.db"
        (interactive if arguments.interactive else scripted)(db)


if __name__ == "__main__":
    main()
