"""Bare HTTP clients as application code has them: requests, and httpx in its three ways."""

import json
import time

import httpx
import requests

from cases import API_KEY, BASE_URL, EMBEDDINGS, MODEL, check, run, same, sim, test

KEY = {"Authorization": f"Bearer {API_KEY}"}
CHAT = f"{BASE_URL}/chat/completions"
RESPONSES = f"{BASE_URL}/responses"
TIMEOUT = httpx.Timeout(60, connect=5)


def ask(**more):
    return {"model": MODEL, "messages": [{"role": "user", "content": "Say hello."}], **more}


class Events:
    """What hand-written code makes of the lines of an event stream."""

    def __init__(self):
        self.text = ""
        self.finish = None
        self.done = False
        self.error = None
        self.comments = 0

    def line(self, line):
        if line.startswith(":"):
            self.comments += 1
        if not line.startswith("data:"):
            return
        data = line[5:].strip()
        if data == "[DONE]":
            self.done = True
            return
        event = json.loads(data)
        if event.get("error"):
            self.error = event["error"]
            return
        for choice in event["choices"]:
            self.text += choice["delta"].get("content") or ""
            self.finish = choice["finish_reason"] or self.finish

    def whole(self):
        same((self.finish, self.done, self.error), ("stop", True, None), "finish, done, error")
        check(self.text, "there is text")

    def broken(self):
        same((self.finish, self.done), (None, False), "finish, done")
        check(isinstance(self.error, dict), "there is an error event")
        same(sorted(self.error), ["code", "message", "param", "type"], "the error's members")


# requests


@test("requests: a whole answer")
def _():
    response = requests.post(CHAT, json=ask(), headers=KEY, timeout=(5, 60))
    same(response.status_code, 200, "status")
    same(response.headers["content-type"].split(";")[0], "application/json", "content type")
    check(response.json()["choices"][0]["message"]["content"], "there is text")
    check(response.headers["x-request-id"], "request id")


@test("requests: a stream by lines")
def _():
    events = Events()
    with requests.post(CHAT, json=ask(stream=True), headers=KEY, stream=True, timeout=(5, 60)) as response:
        same(response.headers["content-type"].split(";")[0], "text/event-stream", "content type")
        for line in response.iter_lines(decode_unicode=True):
            events.line(line)
    events.whole()


@test("requests: a broken stream ends in an error event, without [DONE]")
def _():
    for mishap in ("cut(3)", "reset(3)", "eof(3)", "garbage(3)"):
        events = Events()
        body = ask(stream=True, metadata=sim(mishap=mishap))
        with requests.post(CHAT, json=body, headers=KEY, stream=True, timeout=(5, 60)) as response:
            for line in response.iter_lines(decode_unicode=True):
                events.line(line)
        events.broken()


@test("requests: a session keeps its connection over answers and errors")
def _():
    with requests.Session() as session:
        session.headers.update(KEY)
        for i in range(12):
            response = session.post(CHAT, json=ask(model=MODEL if i % 3 else "no-such-model"), timeout=(5, 60))
            same(response.status_code, 200 if i % 3 else 404, "status")
            check("error" in response.json() or response.json()["choices"], "a body in either case")
        pools = session.get_adapter(BASE_URL).poolmanager.pools
        same([pools[key].num_connections for key in pools.keys()], [1], "connections")


@test("requests: a body in chunks without a length")
def _():
    def pieces():
        body = json.dumps(ask()).encode()
        for i in range(0, len(body), 7):
            yield body[i : i + 7]

    response = requests.post(CHAT, data=pieces(), headers={**KEY, "Content-Type": "application/json"}, timeout=(5, 60))
    same(response.status_code, 200, response.text[:300])


@test("requests: a file in multipart, its content, and its end")
def _():
    made = requests.post(
        f"{BASE_URL}/files", headers=KEY, data={"purpose": "user_data"}, files={"file": ("a.txt", b"some bytes")}, timeout=(5, 60)
    )
    same(made.status_code, 200, made.text[:300])
    where = f"{BASE_URL}/files/{made.json()['id']}"
    same(requests.get(f"{where}/content", headers=KEY, timeout=(5, 60)).content, b"some bytes", "content")
    same(requests.delete(where, headers=KEY, timeout=(5, 60)).json()["deleted"], True, "deleted")
    same(requests.get(where, headers=KEY, timeout=(5, 60)).status_code, 404, "status")


@test("requests: no key, a wrong one, and the other two header fields")
def _():
    for headers in ({}, {"Authorization": "Bearer lk-live-wrong"}, {"Authorization": "Basic abc"}):
        response = requests.get(f"{BASE_URL}/models", headers=headers, timeout=(5, 60))
        same(response.status_code, 401, "status")
        same(sorted(response.json()["error"]), ["code", "message", "param", "type"], "members")
    for name in ("x-api-key", "api-key"):
        same(requests.get(f"{BASE_URL}/models", headers={name: API_KEY}, timeout=(5, 60)).status_code, 200, name)


@test("requests: the short form of a call")
def _():
    response = requests.get(CHAT, params={"model": MODEL, "prompt": "Say hello."}, headers=KEY, timeout=(5, 60))
    same(response.status_code, 200, response.text[:300])
    check(response.json()["choices"][0]["message"]["content"], "there is text")


@test("requests: a wrong path, method and content type are told in the envelope")
def _():
    root = BASE_URL.removesuffix("/v1")
    for response, status in (
        (requests.post(f"{root}/chat/completions", json=ask(), headers=KEY, timeout=(5, 60)), 404),
        (requests.post(f"{root}/v1/v1/chat/completions", json=ask(), headers=KEY, timeout=(5, 60)), 404),
        (requests.put(CHAT, json=ask(), headers=KEY, timeout=(5, 60)), 405),
        (requests.post(CHAT, data="model=x", headers={**KEY, "Content-Type": "text/plain"}, timeout=(5, 60)), 415),
        (requests.post(CHAT, data="{", headers={**KEY, "Content-Type": "application/json"}, timeout=(5, 60)), 400),
    ):
        same(response.status_code, status, response.url)
        same(sorted(response.json()["error"]), ["code", "message", "param", "type"], "members")


@test("requests: a client that waits too short times out")
def _():
    start = time.perf_counter()
    try:
        requests.post(CHAT, json=ask(metadata=sim(mishap="silence")), headers=KEY, timeout=(5, 0.4))
    except requests.exceptions.ReadTimeout:
        check(time.perf_counter() - start < 3, "at once")
        return
    raise AssertionError("nothing was raised")


# httpx


@test("httpx: a whole answer and embeddings over one connection")
def _():
    with httpx.Client(base_url=BASE_URL, headers=KEY, timeout=TIMEOUT) as client:
        check(client.post("/chat/completions", json=ask()).raise_for_status().json()["usage"]["total_tokens"] > 0, "usage")
        vectors = client.post("/embeddings", json={"model": EMBEDDINGS, "input": "one"}).raise_for_status().json()
        check(isinstance(vectors["data"][0]["embedding"][0], float), "numbers")


@test("httpx: a stream by lines, and a broken one")
def _():
    with httpx.Client(base_url=BASE_URL, headers=KEY, timeout=TIMEOUT) as client:
        for mishap in (None, "split(1)", "no-done", "cut(3)", "reset(3)", "eof(3)", "no-finish", "error(3)"):
            events = Events()
            body = ask(stream=True, **({"metadata": sim(mishap=mishap)} if mishap else {}))
            with client.stream("POST", "/chat/completions", json=body) as response:
                same(response.status_code, 200, "status")
                for line in response.iter_lines():
                    events.line(line)
            if mishap in (None, "split(1)", "no-done"):
                events.whole()
            else:
                events.broken()


@test("httpx async: a stream by lines")
async def _():
    events = Events()
    async with httpx.AsyncClient(base_url=BASE_URL, headers=KEY, timeout=TIMEOUT) as client:
        async with client.stream("POST", "/chat/completions", json=ask(stream=True)) as response:
            async for line in response.aiter_lines():
                events.line(line)
    events.whole()


@test("httpx async: a stream that is left is left at once, and the client stays usable")
async def _():
    async with httpx.AsyncClient(base_url=BASE_URL, headers=KEY, timeout=TIMEOUT) as client:
        start = time.perf_counter()
        body = ask(stream=True, metadata=sim(tokens=400, pace_ms=20))
        async with client.stream("POST", "/chat/completions", json=body) as response:
            async for _line in response.aiter_lines():
                break
        check(time.perf_counter() - start < 3, "at once")
        same((await client.post("/chat/completions", json=ask())).status_code, 200, "status")


@test("httpx over HTTP/2: answers, streams and broken streams share a connection")
def _():
    with httpx.Client(base_url=BASE_URL, headers=KEY, timeout=TIMEOUT, http1=False, http2=True) as client:
        response = client.post("/chat/completions", json=ask())
        same((response.status_code, response.http_version), (200, "HTTP/2"), "status, version")
        for mishap in (None, "split(1)", "cut(3)", "reset(3)", "eof(3)"):
            events = Events()
            body = ask(stream=True, **({"metadata": sim(mishap=mishap)} if mishap else {}))
            with client.stream("POST", "/chat/completions", json=body) as response:
                for line in response.iter_lines():
                    events.line(line)
            if mishap in (None, "split(1)"):
                events.whole()
            else:
                events.broken()
        same(client.get("/models").status_code, 200, "status")


@test("httpx: a Responses stream has names and numbers, and a broken one ends in response.failed")
def _():
    with httpx.Client(base_url=BASE_URL, headers=KEY, timeout=TIMEOUT) as client:
        for mishap in (None, "split(1)", "cut(4)", "reset(4)", "eof(4)", "garbage(4)", "error(4)", "failed(4)"):
            last = "response.completed" if mishap in (None, "split(1)") else "response.failed"
            body = {"model": MODEL, "input": "Hi", "stream": True, **({"metadata": sim(mishap=mishap)} if mishap else {})}
            names, datas = [], []
            with client.stream("POST", "/responses", json=body) as response:
                for line in response.iter_lines():
                    if line.startswith("event:"):
                        names.append(line[6:].strip())
                    if line.startswith("data:") and line[5:].strip() != "[DONE]":
                        datas.append(json.loads(line[5:]))
            same(names, [data["type"] for data in datas], "names")
            same([data["sequence_number"] for data in datas], list(range(len(datas))), "numbers")
            same(names[-1], last, f"last under {mishap}")
            same(datas[-1]["response"]["id"], datas[0]["response"]["id"], "id")


@test("httpx: a client that waits too short times out")
def _():
    try:
        httpx.post(CHAT, json=ask(metadata=sim(mishap="silence")), headers=KEY, timeout=httpx.Timeout(0.4, connect=5))
    except httpx.ReadTimeout:
        return
    raise AssertionError("nothing was raised")


run()
