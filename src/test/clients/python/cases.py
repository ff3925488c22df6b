"""Runs named cases one after another and prints one line of JSON per case: {"name", "ok", "detail", "millis"}.

Exits 0 when every case was run, whatever it found: the reader decides.
"""

import asyncio
import itertools
import json
import os
import re
import time
import traceback

CASE_LIMIT_SECONDS = 30

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8080/v1")
API_KEY = os.environ.get("API_KEY", "none")
MODEL = os.environ.get("MODEL", "gpt-4o-mini")
REASONER = os.environ.get("REASONER", "gpt-5.5")
EMBEDDINGS = os.environ.get("EMBEDDINGS", "text-embedding-3-small")
TRANSCRIBER = os.environ.get("TRANSCRIBER", "gpt-4o-transcribe")

_cases = []
_tags = itertools.count()


def test(name):
    """Adds a case, a plain or an async function; it fails when that raises or takes too long."""

    def add(body):
        _cases.append((name, body))
        return body

    return add


def sim(**wishes):
    """Metadata that asks the simulated provider for something: a mishap, a length, a pace."""
    return {f"sim_{name}": str(value) for name, value in wishes.items()}


def tag():
    """A tag of its own for times(n,tag,mishap), so that no other case's calls are counted."""
    return f"{os.getpid()}y{time.time_ns()}y{next(_tags)}"


def same(actual, expected, what):
    if actual != expected:
        raise AssertionError(f"{what}: got {actual!r}, expected {expected!r}")


def check(condition, what):
    if not condition:
        raise AssertionError(what)


async def _one(body):
    result = body()
    if asyncio.iscoroutine(result):
        await asyncio.wait_for(result, CASE_LIMIT_SECONDS)


async def _all():
    only = re.compile(os.environ.get("ONLY", "."))
    for name, body in _cases:
        if not only.search(name):
            continue
        start = time.perf_counter()
        detail = ""
        try:
            await _one(body)
        except BaseException:  # A case may raise anything; the others still run.
            detail = traceback.format_exc()
        millis = round((time.perf_counter() - start) * 1000)
        print(json.dumps({"name": name, "ok": detail == "", "detail": detail, "millis": millis}), flush=True)


def run():
    asyncio.run(_all())
