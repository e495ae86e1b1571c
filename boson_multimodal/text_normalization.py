"""Written text as the model was trained to read it: half-width punctuation, named sound events, a closing full stop.

Numbers and units other than degrees are read as they are written; a caller who wants them spoken in full spells them
out. A long text is chunked first, while its sentences still end with the marks of their own script.
"""

from __future__ import annotations

import re

_HALF_WIDTH = str.maketrans(
    {
        "，": ", ",
        "。": ".",
        "：": ":",
        "；": ";",
        "？": "?",
        "！": "!",
        "、": ",",
        "…": "...",
        "·": ".",
        "—": "-",
        **dict.fromkeys("“”「」『』", '"'),
        **dict.fromkeys("‘’", "'"),
        "【": "[",
        "】": "]",
        "《": "<",
        "》": ">",
        **dict.fromkeys("（）()", " "),
    }
)

_DEGREES = (("°F", " degrees Fahrenheit"), ("°C", " degrees Celsius"))

_LASTING = {"humming": "Humming", "music": "Music", "sing": "Singing"}
"""Events with a start and an end, and their names in the trained text."""

_EVENTS = {
    "[laugh]": "<SE>[Laughter]</SE>",
    "[music]": "<SE>[Music]</SE>",
    "[applause]": "<SE>[Applause]</SE>",
    "[cheering]": "<SE>[Cheering]</SE>",
    "[cough]": "<SE>[Cough]</SE>",
    **{f"[{tag} start]": f"<SE_s>[{name}]</SE_s>" for tag, name in _LASTING.items()},
    **{f"[{tag} end]": f"<SE_e>[{name}]</SE_e>" for tag, name in _LASTING.items()},
}
_EVENT = re.compile("|".join(map(re.escape, _EVENTS)))

_CLOSED = (".", "!", "?", ",", ";", '"', "'", "</SE_e>", "</SE>")


def normalize(text: str) -> str:
    """The text to speak for a written `text`; "" when nothing but space and brackets is in it.

    Lines are kept, since a line can be a turn; empty ones are dropped. Doing it twice changes nothing more.
    """
    text = text.translate(_HALF_WIDTH)
    for sign, words in _DEGREES:
        text = text.replace(sign, words)
    # Space comes before the events: a tag is recognised by its exact spelling.
    lines = (" ".join(line.split()) for line in text.split("\n"))
    text = _EVENT.sub(lambda tag: _EVENTS[tag[0]], "\n".join(line for line in lines if line))
    if not text or text.endswith(_CLOSED):
        return text
    return text + "."
