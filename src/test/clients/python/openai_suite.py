"""The official client for Python, synchronous and asynchronous: each case is written once and run with both."""

import asyncio
import contextlib
import functools
import inspect
import io
import json
import time

import httpx
import httpx2
import openai
from pydantic import BaseModel

from cases import API_KEY, BASE_URL, EMBEDDINGS, MODEL, REASONER, TRANSCRIBER, check, run, same, sim, tag, test

HELLO = [{"role": "user", "content": "Say hello."}]
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


class Weather(BaseModel):
    city: str
    celsius: float
    sunny: bool


async def got(value):
    """What a call of either client gives in the end."""
    return await value if inspect.isawaitable(value) else value


async def each(values):
    """What either client iterates over."""
    if hasattr(values, "__aiter__"):
        async for value in values:
            yield value
    else:
        for value in values:
            yield value


@contextlib.asynccontextmanager
async def entered(manager):
    """What either client's context manager gives."""
    if hasattr(manager, "__aenter__"):
        async with manager as value:
            yield value
    else:
        with manager as value:
            yield value


async def raised(value):
    """The error of a call; fails when there was none."""
    try:
        result = await got(value() if callable(value) else value)
    except openai.OpenAIError as error:
        return error
    raise AssertionError(f"nothing was raised, got {result!r}")


class Clients:
    """One flavour of the client, with a counter of the attempts that it makes."""

    def __init__(self, flavour):
        self.attempts = 0
        asynchronous = flavour == "async"
        self.make = openai.AsyncOpenAI if asynchronous else openai.OpenAI

        def count(_):
            self.attempts += 1

        async def count_async(request):
            count(request)

        http = (openai.DefaultAsyncHttpx2Client if asynchronous else openai.DefaultHttpx2Client)(
            event_hooks={"request": [count_async if asynchronous else count]}
        )
        self.client = self.make(base_url=BASE_URL, api_key=API_KEY, http_client=http)
        self.once = self.client.with_options(max_retries=0)


FLAVOURS = {}


def both(name):
    """Adds a case once for each flavour of the client."""

    def add(body):
        for flavour in ("sync", "async"):

            async def one(flavour=flavour):
                if flavour not in FLAVOURS:
                    FLAVOURS[flavour] = Clients(flavour)
                await body(FLAVOURS[flavour])

            test(f"{flavour} {name}")(one)
        return body

    return add


class Seen:
    def __init__(self):
        self.text = ""
        self.chunks = 0
        self.finish = None
        self.usage = None
        self.empty_choices = 0
        self.error = None


async def read(stream):
    """Reads a chat stream to its end, as a terminal program prints it."""
    seen = Seen()
    try:
        async for chunk in each(stream):
            seen.chunks += 1
            seen.usage = chunk.usage or seen.usage
            if not chunk.choices:
                seen.empty_choices += 1
                continue
            seen.text += chunk.choices[0].delta.content or ""
            seen.finish = chunk.choices[0].finish_reason or seen.finish
    except Exception as error:
        seen.error = error
    return seen


# models


@both("models: the list, one of them, and an unknown one")
async def _(c):
    ids = [model.id async for model in each(c.client.models.list())]
    check({MODEL, REASONER, EMBEDDINGS} <= set(ids), f"offered: {ids}")
    same((await got(c.client.models.retrieve(MODEL))).id, MODEL, "id")
    error = await raised(lambda: c.client.models.retrieve("gpt-4o-minl"))
    check(isinstance(error, openai.NotFoundError), repr(error))


# chat


@both("chat: a whole answer with usage and request id")
async def _(c):
    answer = await got(c.client.chat.completions.create(model=MODEL, messages=HELLO))
    same((answer.object, answer.choices[0].finish_reason), ("chat.completion", "stop"), "object, finish")
    check(answer.choices[0].message.content, "there is text")
    same(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens, "usage")
    check(answer._request_id, "request id")


@both("chat: the raw response tells headers and retries")
async def _(c):
    raw = await got(c.client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO))
    check(raw.headers.get("x-lockkeeper-provider"), "x-lockkeeper-provider")
    check(raw.headers.get("x-request-id") == raw.request_id, "x-request-id")
    same(raw.retries_taken, 0, "retries")
    check((await got(raw.parse())).id, "parsed")


@both("chat: a reasoning model takes max_tokens and temperature with a warning")
async def _(c):
    raw = await got(
        c.client.chat.completions.with_raw_response.create(model=REASONER, messages=HELLO, max_tokens=500, temperature=0.3)
    )
    warnings = raw.headers.get("x-lockkeeper-warnings", "")
    check("max_tokens" in warnings and "temperature" in warnings, f"warnings: {warnings}")


@both("chat: a field that the gateway does not know passes, and the upstream judges it")
async def _(c):
    error = await raised(
        lambda: c.client.chat.completions.create(model=MODEL, messages=HELLO, extra_body={"some_field_of_2027": [1, "ü"]})
    )
    check(isinstance(error, openai.BadRequestError), repr(error))
    same((error.code, error.param), ("unknown_parameter", "some_field_of_2027"), "code, param")


@both("chat stream: no usage chunk unless asked")
async def _(c):
    seen = await read(await got(c.client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)))
    if seen.error:
        raise seen.error
    same((seen.finish, seen.usage, seen.empty_choices), ("stop", None, 0), "finish, usage, empty chunks")
    check(seen.text and seen.chunks > 2, "text came in pieces")


@both("chat stream: usage chunk when asked")
async def _(c):
    seen = await read(
        await got(c.client.chat.completions.create(model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}))
    )
    if seen.error:
        raise seen.error
    same((seen.finish, seen.empty_choices), ("stop", 1), "finish, empty chunks")
    check(seen.usage.total_tokens > 0, "usage")


@both("chat stream: the accumulator makes the whole answer")
async def _(c):
    text = ""
    async with entered(c.client.chat.completions.stream(model=MODEL, messages=HELLO)) as stream:
        async for event in each(stream):
            if event.type == "content.delta":
                text += event.delta
        answer = await got(stream.get_final_completion())
    same(answer.choices[0].message.content, text, "text")
    check(text, "there is text")


@both("chat stream: pieces cut at every byte give the same text")
async def _(c):
    text = "Grüße, 你好 \U0001f600! Wie geht es?"
    ask = functools.partial(c.client.chat.completions.create, model=MODEL, messages=HELLO, stream=True)
    whole = await read(await got(ask(metadata=sim(text=text))))
    cut = await read(await got(ask(metadata=sim(text=text, mishap="split(1)"))))
    if cut.error:
        raise cut.error
    same((cut.text, cut.finish), (whole.text, "stop"), "text, finish")


@both("chat stream: an upstream without [DONE] ends whole")
async def _(c):
    seen = await read(
        await got(c.client.chat.completions.create(model=MODEL, messages=HELLO, stream=True, metadata=sim(mishap="no-done")))
    )
    if seen.error:
        raise seen.error
    same(seen.finish, "stop", "finish")


def broken_chat(mishap):
    @both(f"chat stream: {mishap} raises the client's error and never looks whole")
    async def _(c):
        seen = await read(
            await got(c.once.chat.completions.create(model=MODEL, messages=HELLO, stream=True, metadata=sim(mishap=mishap)))
        )
        check(isinstance(seen.error, openai.APIError), f"error: {seen.error!r}")
        same(seen.finish, None, "finish")
        check(seen.chunks > 0, "a part came")


for _mishap in ("cut(3)", "cut(bytes=700)", "reset(3)", "eof(3)", "no-finish", "garbage(3)", "error(3)"):
    broken_chat(_mishap)


@both("chat stream: leaving early leaves the client usable")
async def _(c):
    stream = await got(
        c.client.chat.completions.create(model=MODEL, messages=HELLO, stream=True, metadata=sim(tokens=400, pace_ms=20))
    )
    start = time.perf_counter()
    chunks = 0
    async with entered(stream):
        async for _chunk in each(stream):
            chunks += 1
            if chunks == 3:
                break
    check(time.perf_counter() - start < 4, "left at once")
    check((await got(c.client.chat.completions.create(model=MODEL, messages=HELLO))).id, "the next call works")


@test("async chat: thirty at once")
async def _():
    client = openai.AsyncOpenAI(base_url=BASE_URL, api_key=API_KEY)

    async def one(i):
        if i % 2:
            return (await client.chat.completions.create(model=MODEL, messages=HELLO)).choices[0].finish_reason
        return (await read(await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True))).finish

    same(set(await asyncio.gather(*(one(i) for i in range(30)))), {"stop"}, "all ended")


# tools and structured output


@both("tools: a loop by hand ends with an answer")
async def _(c):
    messages = [{"role": "user", "content": "How is the weather in Paris?"}]
    first = await got(c.client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER_TOOL], tool_choice="required"))
    calls = first.choices[0].message.tool_calls
    same(first.choices[0].finish_reason, "tool_calls", "finish")
    check(isinstance(json.loads(calls[0].function.arguments)["city"], str), "arguments fit")
    messages.append(first.choices[0].message)
    messages += [{"role": "tool", "tool_call_id": call.id, "content": '{"celsius":21}'} for call in calls]
    second = await got(c.client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER_TOOL]))
    check(second.choices[0].message.content, "there is text")


@both("tools: streamed arguments are accumulated")
async def _(c):
    async with entered(
        c.client.chat.completions.stream(model=MODEL, messages=HELLO, tools=[WEATHER_TOOL], tool_choice="required")
    ) as stream:
        async for _event in each(stream):
            pass
        answer = await got(stream.get_final_completion())
    call = answer.choices[0].message.tool_calls[0]
    same(call.function.name, "get_weather", "name")
    check(isinstance(call.function.parsed_arguments["city"], str), "arguments fit")


@both("structured output: chat parse fits the schema")
async def _(c):
    answer = await got(c.client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Weather))
    check(isinstance(answer.choices[0].message.parsed, Weather), "parsed")


# responses


@both("responses: a whole answer")
async def _(c):
    answer = await got(c.client.responses.create(model=REASONER, input="Say hello."))
    same((answer.object, answer.status), ("response", "completed"), "object, status")
    check(answer.output_text, "there is text")
    check(answer.usage.input_tokens > 0 and answer.usage.output_tokens_details.reasoning_tokens >= 0, "usage")
    check(answer._request_id, "request id")


@both("responses stream: events are numbered and end whole")
async def _(c):
    types, text, following, final = [], "", 0, None
    async for event in each(await got(c.client.responses.create(model=REASONER, input="Say hello.", stream=True))):
        same(event.sequence_number, following, "sequence number")
        following += 1
        types.append(event.type)
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type == "response.completed":
            final = event.response
    same((types[0], types[-1]), ("response.created", "response.completed"), "first and last")
    same(final.output_text, text, "text")


@both("responses stream: the helper accumulates")
async def _(c):
    text = ""
    async with entered(c.client.responses.stream(model=REASONER, input="Say hello.")) as stream:
        async for event in each(stream):
            if event.type == "response.output_text.delta":
                text += event.delta
        answer = await got(stream.get_final_response())
    same((answer.output_text, answer.status), (text, "completed"), "text, status")


@both("responses: structured output fits the schema")
async def _(c):
    answer = await got(c.client.responses.parse(model=MODEL, input="Hi", text_format=Weather))
    check(isinstance(answer.output_parsed, Weather), "parsed")


@both("responses: a tool loop goes on from the previous response")
async def _(c):
    tools = [{"type": "function", **WEATHER_TOOL["function"]}]
    first = await got(c.client.responses.create(model=REASONER, input="Weather in Paris?", tools=tools, tool_choice="required"))
    call = next(item for item in first.output if item.type == "function_call")
    check(isinstance(json.loads(call.arguments)["city"], str), call.arguments)
    second = await got(
        c.client.responses.create(
            model=REASONER,
            previous_response_id=first.id,
            input=[{"type": "function_call_output", "call_id": call.call_id, "output": '{"celsius":21}'}],
            tools=tools,
        )
    )
    check(second.output_text, "there is text")


@both("responses: stored ones are read, listed and deleted")
async def _(c):
    made = await got(c.client.responses.create(model=MODEL, input="Remember me."))
    same((await got(c.client.responses.retrieve(made.id))).id, made.id, "id")
    items = [item async for item in each(c.client.responses.input_items.list(made.id))]
    same(len(items), 1, "input items")
    await got(c.client.responses.delete(made.id))
    check(isinstance(await raised(lambda: c.client.responses.retrieve(made.id)), openai.NotFoundError), "gone")


def broken_response(mishap):
    @both(f"responses stream: {mishap} ends failed and never looks whole")
    async def _(c):
        types, error = [], None
        try:
            stream = await got(c.once.responses.create(model=MODEL, input="Hi", stream=True, metadata=sim(mishap=mishap)))
            async for event in each(stream):
                types.append(event.type)
        except Exception as caught:
            error = caught
        check("response.completed" not in types, f"types: {types}")
        check(types[-1] == "response.failed" or isinstance(error, openai.APIError), f"last {types[-1]}, error {error!r}")
        with contextlib.suppress(Exception):
            async with entered(c.once.responses.stream(model=MODEL, input="Hi", metadata=sim(mishap=mishap))) as stream:
                async for _event in each(stream):
                    pass
                answer = await got(stream.get_final_response())
            same(answer.status, "failed", "status by the helper")


for _mishap in ("cut(4)", "reset(4)", "eof(4)", "garbage(4)", "error(4)", "failed(4)"):
    broken_response(_mishap)


# embeddings, files, audio


@both("embeddings: base64 by default and floats when asked are the same numbers")
async def _(c):
    decoded = await got(c.client.embeddings.create(model=EMBEDDINGS, input=["one", "two"]))
    floats = await got(c.client.embeddings.create(model=EMBEDDINGS, input=["one", "two"], encoding_format="float"))
    same(len(decoded.data), 2, "vectors")
    for left, right in zip(decoded.data, floats.data):
        same(len(left.embedding), len(right.embedding), "dimensions")
        check(all(abs(a - b) < 1e-6 for a, b in zip(left.embedding, right.embedding)), "numbers")


@both("files: upload, list, retrieve, content, delete")
async def _(c):
    lines = '{"custom_id":"1"}\n{"custom_id":"ü"}\n'.encode()
    file = await got(c.client.files.create(file=("lines.jsonl", lines), purpose="user_data"))
    same((file.object, file.filename, file.bytes), ("file", "lines.jsonl", len(lines)), "file")
    check(file.id in [one.id async for one in each(c.client.files.list())], "listed")
    same((await got(c.client.files.retrieve(file.id))).id, file.id, "retrieved")
    same((await got(c.client.files.content(file.id))).content, lines, "content")
    same((await got(c.client.files.delete(file.id))).deleted, True, "deleted")
    check(isinstance(await raised(lambda: c.client.files.retrieve(file.id)), openai.NotFoundError), "gone")


@both("audio: a transcription in multipart")
async def _(c):
    speech = io.BytesIO(b"\x01" * 300_000)
    speech.name = "speech.wav"
    answer = await got(c.client.audio.transcriptions.create(file=speech, model=TRANSCRIBER))
    check(answer.text, "there is text")


# errors


@both("errors: a wrong key is AuthenticationError")
async def _(c):
    wrong = c.client.with_options(api_key="lk-live-wrong")
    error = await raised(lambda: wrong.chat.completions.create(model=MODEL, messages=HELLO))
    check(isinstance(error, openai.AuthenticationError), repr(error))
    same((error.status_code, error.code), (401, "invalid_api_key"), "status, code")
    check(error.request_id, "request id")


@both("errors: an unknown model is NotFoundError")
async def _(c):
    error = await raised(lambda: c.client.chat.completions.create(model="gpt-4o-minl", messages=HELLO))
    check(isinstance(error, openai.NotFoundError), repr(error))
    same((error.code, error.param), ("model_not_found", "model"), "code, param")
    check(MODEL in error.message and error.request_id, error.message)


@both("errors: a wrong request is BadRequestError with param")
async def _(c):
    error = await raised(lambda: c.client.chat.completions.create(model=42, messages=HELLO))
    check(isinstance(error, openai.BadRequestError), repr(error))
    same(error.param, "model", "param")


def status(code, kind):
    @both(f"errors: the upstream's {code} is {kind.__name__}, before a stream too")
    async def _(c):
        for stream in (False, True):
            metadata = sim(mishap=f"status({code},code=some_code,message=Some words)")
            error = await raised(
                lambda: c.once.chat.completions.create(model=MODEL, messages=HELLO, stream=stream, metadata=metadata)
            )
            check(isinstance(error, kind), repr(error))
            same((error.status_code, error.code), (code, "some_code"), "status, code")
            check("Some words" in error.message and error.request_id, error.message)


for _code, _kind in (
    (400, openai.BadRequestError),
    (404, openai.NotFoundError),
    (409, openai.ConflictError),
    (422, openai.UnprocessableEntityError),
    (429, openai.RateLimitError),
    (500, openai.InternalServerError),
    (503, openai.InternalServerError),
):
    status(_code, _kind)


@both("errors: the upstream's 401 and 403 are about the gateway's key, not the client's")
async def _(c):
    for code in (401, 403):
        metadata = sim(mishap=f"status({code})")
        error = await raised(lambda: c.once.chat.completions.create(model=MODEL, messages=HELLO, metadata=metadata))
        check(isinstance(error, openai.InternalServerError), repr(error))
        same((error.status_code, error.code), (502, "upstream_auth_error"), "status, code")


# retries and time


async def retried(c, mishap, attempts, least, most):
    c.attempts = 0
    start = time.perf_counter()
    try:
        result = await got(c.client.chat.completions.create(model=MODEL, messages=HELLO, metadata=sim(mishap=mishap)))
    except openai.OpenAIError as error:
        result = error
    seconds = time.perf_counter() - start
    same(c.attempts, attempts, "attempts")
    check(least <= seconds <= most, f"took {seconds:.2f} s, expected {least} to {most}")
    return result


@both("retries: retry-after-ms is honoured until it works")
async def _(c):
    check((await retried(c, f"times(2,{tag()},status(503,retry-after-ms=150))", 3, 0.3, 1.4)).choices, "an answer")


@both("retries: Retry-After in seconds is honoured")
async def _(c):
    check((await retried(c, f"times(1,{tag()},status(429,retry-after=1))", 2, 1, 3)).choices, "an answer")


@both("retries: x-should-retry is obeyed both ways")
async def _(c):
    check(isinstance(await retried(c, "status(503,should-retry=false)", 1, 0, 1.5), openai.InternalServerError), "error")
    check((await retried(c, f"times(1,{tag()},status(400,should-retry=true,retry-after-ms=100))", 2, 0.1, 1.5)).choices, "answer")


@both("retries: a 400 is not retried")
async def _(c):
    check(isinstance(await retried(c, "status(400)", 1, 0, 1.5), openai.BadRequestError), "error")


@both("time: a client that waits too short times out")
async def _(c):
    short = c.client.with_options(timeout=httpx2.Timeout(0.4, connect=5.0), max_retries=0)
    start = time.perf_counter()
    error = await raised(lambda: short.chat.completions.create(model=MODEL, messages=HELLO, metadata=sim(mishap="silence")))
    check(isinstance(error, openai.APITimeoutError), repr(error))
    check(time.perf_counter() - start < 3, "at once")
    check((await got(c.client.chat.completions.create(model=MODEL, messages=HELLO))).id, "the next call works")


@both("time: a late first byte and a stall are waited for")
async def _(c):
    patient = c.client.with_options(timeout=httpx.Timeout(60, connect=5), max_retries=0)
    seen = await read(
        await got(
            patient.chat.completions.create(
                model=MODEL, messages=HELLO, stream=True, metadata=sim(mishap="first(500ms)+stall(3,500ms)")
            )
        )
    )
    if seen.error:
        raise seen.error
    same(seen.finish, "stop", "finish")


run()
