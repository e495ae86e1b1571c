"""Addresses as people say them: "example dot com", "a dot b at example dot com", "readme dot md"."""

from __future__ import annotations

import re

_EMAIL = re.compile(r"(?<![\w.+-])(?:mailto:)?([\w.+-]{1,64}+)@((?:[\w-]{1,63}+\.)+[A-Za-z]{2,24})(?![\w@])")
_URL = re.compile(
    r"(?<!\w)(?:https?|ftp|wss?)://(?:[^\s/@]{1,80}@)?([^\s/?#:,;\"'<>()\[\]]+)[^\s\"'<>()\[\]]*", re.IGNORECASE
)
_DOMAINS = "com|org|net|io|dev|ai|app|edu|gov|co|uk|de|fr|es|it|nl|eu|us|ca|au|jp|info|me|tv|ly|gg|xyz"
_BARE = re.compile(
    rf"(?<![\w@.-])(?:www\.)?((?:[A-Za-z0-9-]{{1,63}}+\.){{1,4}}(?:{_DOMAINS}))(?![\w@-]|\.\w)(?:/[^\s\"'<>()\[\]]*)?"
)
_WWW = re.compile(r"(?<![\w.])www\.([^\s/?#:,;\"'<>()\[\]]+)[^\s\"'<>()\[\]]*", re.IGNORECASE)
_SUFFIXES = (
    "py|js|ts|jsx|tsx|md|txt|json|html|css|pdf|png|jpe?g|gif|svg|csv|xml|ya?ml|toml|ini|cfg|log|exe|zip|gz|tar|wav|mp3|"
    "mp4|docx?|xlsx?|pptx?|sh|rs|go|java|cpp|rb|php|sql|ipynb|NET"
)
_FILE = re.compile(rf"(?<=\w)\.({_SUFFIXES})(?![\w-])")
_HANDLE = re.compile(r"(?<![\w@])@(?=\w)")
_HASHTAG = re.compile(r"(?<![\w#&])#(?=[^\W\d_])")
_MARKS = {".": " dot ", "_": " underscore ", "-": " dash ", "+": " plus "}
_MARK = re.compile(r"[._+-]")


def spoken_addresses(text: str) -> str:
    """Web and mail addresses, file names, handles and hashtags in words; paths and queries are left out."""
    if "@" in text:
        text = _HANDLE.sub("at ", _EMAIL.sub(_email, text))
    if "://" in text:
        text = _URL.sub(_host, text)
    if "." in text:
        if "www." in text.casefold():
            text = _WWW.sub(_host, text)
        text = _FILE.sub(r" dot \1", _BARE.sub(_bare, text))
    return _HASHTAG.sub("hashtag ", text) if "#" in text else text


def _email(match: re.Match[str]) -> str:
    return f"{_said(match[1])} at {_said(match[2])}"


def _host(match: re.Match[str]) -> str:
    host = match[1].rstrip(".!?…")
    end = match[0].rstrip("/")[-1]
    name = host[4:] if host.casefold().startswith("www.") else host
    said = name if name.replace(".", "").isdigit() else _said(name)
    return said + (end if end in ".,;:!?…" else "")


def _bare(match: re.Match[str]) -> str:
    end = match[0][-1]
    return _said(match[1]) + (end if end in ".,;:!?…" else "")


def _said(name: str) -> str:
    return " ".join(_MARK.sub(lambda mark: _MARKS[mark[0]], name).split())
