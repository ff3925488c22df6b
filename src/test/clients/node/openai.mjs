// The official client for Node.js, as applications use it.
import OpenAI, { toFile } from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { API_KEY, BASE_URL, EMBEDDINGS, MODEL, REASONER, TRANSCRIBER, check, kind, run, same, sim, tag, test, thrown } from './cases.mjs';

let attempts = 0;
const counted = (url, init) => {
  attempts++;
  return fetch(url, init);
};
const client = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY, fetch: counted });
const once = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY, maxRetries: 0 });

const hello = [{ role: 'user', content: 'Say hello.' }];
const Weather = z.object({ city: z.string(), celsius: z.number(), sunny: z.boolean() });
const weatherTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a city',
    strict: true,
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
  },
};

/** Reads a chat stream to its end, as a terminal program prints it. */
async function read(stream) {
  const seen = { text: '', chunks: 0, finish: null, usage: undefined, emptyChoices: 0 };
  try {
    for await (const chunk of stream) {
      seen.chunks++;
      if (chunk.usage) seen.usage = chunk.usage;
      if (chunk.choices.length === 0) {
        seen.emptyChoices++;
        continue;
      }
      seen.text += chunk.choices[0].delta.content ?? '';
      seen.finish = chunk.choices[0].finish_reason ?? seen.finish;
    }
  } catch (error) {
    seen.error = error;
  }
  return seen;
}

// ── models ──

test('models: the list is pages of models', async () => {
  const ids = [];
  for await (const model of client.models.list()) {
    same(model.object, 'model', 'object');
    check(Number.isInteger(model.created) && model.owned_by, 'created and owned_by are there');
    ids.push(model.id);
  }
  check(ids.includes(MODEL) && ids.includes(REASONER) && ids.includes(EMBEDDINGS), `the models are offered: ${ids}`);
});

test('models: one is found by its id', async () => {
  same((await client.models.retrieve(MODEL)).id, MODEL, 'id');
});

test('models: an unknown one is NotFoundError', async () => {
  const error = await thrown(client.models.retrieve('gpt-4o-minl'));
  check(error instanceof OpenAI.NotFoundError, kind(error));
});

// ── chat ──

test('chat: a whole answer with usage and request id', async () => {
  const answer = await client.chat.completions.create({ model: MODEL, messages: hello });
  same(answer.object, 'chat.completion', 'object');
  same(answer.choices[0].finish_reason, 'stop', 'finish reason');
  check(answer.choices[0].message.content.length > 0, 'there is text');
  check(answer.usage.total_tokens === answer.usage.prompt_tokens + answer.usage.completion_tokens, 'usage adds up');
  check(answer._request_id, 'there is a request id');
  check(answer.id.startsWith('chatcmpl'), answer.id);
});

test('chat: headers tell provider, own time and request id', async () => {
  const { response, request_id } = await client.chat.completions.create({ model: MODEL, messages: hello }).withResponse();
  same(response.headers.get('x-request-id'), request_id, 'request id');
  check(response.headers.get('x-lockkeeper-provider'), 'x-lockkeeper-provider');
  check(Number(response.headers.get('x-lockkeeper-overhead-us')) >= 0, 'x-lockkeeper-overhead-us');
});

test('chat: several choices', async () => {
  const answer = await client.chat.completions.create({ model: MODEL, messages: hello, n: 3 });
  same(answer.choices.map((each) => each.index), [0, 1, 2], 'indexes');
});

test('chat: a field that the gateway does not know passes, and the upstream judges it', async () => {
  const error = await thrown(client.chat.completions.create({ model: MODEL, messages: hello, some_field_of_2027: [1, 'ü'] }));
  check(error instanceof OpenAI.BadRequestError, kind(error));
  same([error.code, error.param], ['unknown_parameter', 'some_field_of_2027'], 'code and param');
});

test('chat: text beyond ASCII comes back unharmed', async () => {
  const answer = await client.chat.completions.create({
    model: MODEL,
    messages: [{ role: 'user', content: 'Grüße, 你好, \u{1F469}\u200D\u{1F4BB}, \u0000-free \u2028 \\ " \n' }],
  });
  check(answer.choices[0].message.content, 'there is text');
});

test('chat: a reasoning model takes max_tokens and temperature with a warning', async () => {
  const { data, response } = await client.chat.completions
    .create({ model: REASONER, messages: hello, max_tokens: 500, temperature: 0.3 })
    .withResponse();
  check(data.choices[0].message, 'there is an answer');
  const warnings = response.headers.get('x-lockkeeper-warnings') ?? '';
  check(/max_tokens/.test(warnings) && /temperature/.test(warnings), `warnings: ${warnings}`);
});

test('chat stream: no usage chunk unless asked', async () => {
  const seen = await read(await client.chat.completions.create({ model: MODEL, messages: hello, stream: true }));
  if (seen.error) throw seen.error;
  same([seen.finish, seen.usage, seen.emptyChoices], ['stop', undefined, 0], 'finish, usage, empty chunks');
  check(seen.text.length > 0 && seen.chunks > 2, 'text came in pieces');
});

test('chat stream: usage chunk when asked', async () => {
  const seen = await read(
    await client.chat.completions.create({ model: MODEL, messages: hello, stream: true, stream_options: { include_usage: true } }),
  );
  if (seen.error) throw seen.error;
  same([seen.finish, seen.emptyChoices], ['stop', 1], 'finish, empty chunks');
  check(seen.usage.total_tokens > 0, 'usage');
});

test('chat stream: the accumulator makes the whole answer', async () => {
  const stream = client.chat.completions.stream({ model: MODEL, messages: hello, stream_options: { include_usage: true } });
  let text = '';
  stream.on('content', (delta) => (text += delta));
  const answer = await stream.finalChatCompletion();
  same(answer.choices[0].message.content, text, 'text');
  check((await stream.totalUsage()).total_tokens > 0, 'usage');
});

test('chat stream: pieces cut at every byte give the same text', async () => {
  const ask = (mishap) => ({
    model: MODEL,
    messages: [{ role: 'user', content: 'Grüße 你好 \u{1F600}' }],
    stream: true,
    seed: 7,
    metadata: sim(mishap ? { mishap, text: 'Grüße, 你好 \u{1F600}! Wie geht es?' } : { text: 'Grüße, 你好 \u{1F600}! Wie geht es?' }),
  });
  const whole = await read(await client.chat.completions.create(ask()));
  const cut = await read(await client.chat.completions.create(ask('split(1)')));
  if (cut.error) throw cut.error;
  same(cut.text, whole.text, 'text');
  same(cut.finish, 'stop', 'finish');
});

test('chat stream: an upstream without [DONE] ends whole', async () => {
  const seen = await read(
    await client.chat.completions.create({ model: MODEL, messages: hello, stream: true, metadata: sim({ mishap: 'no-done' }) }),
  );
  if (seen.error) throw seen.error;
  same(seen.finish, 'stop', 'finish');
});

for (const mishap of ['cut(3)', 'cut(bytes=700)', 'reset(3)', 'eof(3)', 'no-finish', 'garbage(3)', 'error(3)']) {
  test(`chat stream: ${mishap} raises the client's error and never looks whole`, async () => {
    const ask = { model: MODEL, messages: hello, stream: true, metadata: sim({ mishap }) };
    const seen = await read(await once.chat.completions.create(ask));
    check(seen.error instanceof OpenAI.APIError, `error: ${kind(seen.error)} ${seen.error?.message}`);
    same(seen.finish, null, 'finish');
    check(seen.chunks > 0, 'a part came');
    const helper = await thrown(once.chat.completions.stream(ask).finalChatCompletion());
    check(helper instanceof OpenAI.OpenAIError, `helper: ${kind(helper)} ${helper?.message}`);
  });
}

for (const mishap of ['cut(0)', 'cut(1)', 'reset(0)', 'garbage(0)', 'html(502)']) {
  test(`chat: ${mishap} in a whole answer is an InternalServerError`, async () => {
    const error = await thrown(once.chat.completions.create({ model: MODEL, messages: hello, metadata: sim({ mishap }) }));
    // A body that breaks after its head was sent can only be told by breaking the connection.
    check(error instanceof OpenAI.InternalServerError || error instanceof OpenAI.APIConnectionError, `${kind(error)} ${error.message}`);
  });
}

test('chat stream: leaving early leaves the client usable', async () => {
  const stream = await client.chat.completions.create({
    model: MODEL,
    messages: hello,
    stream: true,
    metadata: sim({ tokens: 400, pace_ms: 20 }),
  });
  let chunks = 0;
  for await (const _ of stream) if (++chunks === 3) break;
  same(chunks, 3, 'chunks');
  const aborted = await client.chat.completions.create({
    model: MODEL,
    messages: hello,
    stream: true,
    metadata: sim({ tokens: 400, pace_ms: 20 }),
  });
  chunks = 0;
  for await (const _ of aborted) if (++chunks === 2) aborted.controller.abort();
  check(chunks < 10, `ended after ${chunks}`);
  check((await client.chat.completions.create({ model: MODEL, messages: hello })).id, 'the next call works');
});

test('chat: thirty at once', async () => {
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      i % 2
        ? client.chat.completions.create({ model: MODEL, messages: hello }).then((each) => each.choices[0].finish_reason)
        : client.chat.completions.create({ model: MODEL, messages: hello, stream: true }).then(read).then((each) => each.finish),
    ),
  );
  same(new Set(answers).size === 1 && answers[0], 'stop', 'all ended');
});

test('chat: a prompt of two million characters', async () => {
  const answer = await client.chat.completions.create({
    model: REASONER,
    messages: [{ role: 'user', content: 'word '.repeat(400_000) }],
    metadata: sim({ tokens: 5 }),
  });
  check(answer.usage.prompt_tokens > 100_000, `prompt tokens ${answer.usage.prompt_tokens}`);
});

// ── tools and structured output ──

test('tools: runTools calls the function and ends with an answer', async () => {
  const calls = [];
  const runner = client.chat.completions.runTools({
    model: MODEL,
    messages: [{ role: 'user', content: 'How is the weather in Paris?' }],
    tools: [
      {
        type: 'function',
        function: {
          ...weatherTool.function,
          parse: JSON.parse,
          function: (args) => {
            calls.push(args);
            return JSON.stringify({ celsius: 21, sunny: true });
          },
        },
      },
    ],
  });
  const text = await runner.finalContent();
  check(calls.length >= 1 && typeof calls[0].city === 'string', `calls: ${JSON.stringify(calls)}`);
  check(text.length > 0, 'there is text');
});

test('tools: runTools in streams', async () => {
  const calls = [];
  const runner = client.chat.completions.runTools({
    model: MODEL,
    stream: true,
    messages: [{ role: 'user', content: 'How is the weather in Paris?' }],
    tools: [{ type: 'function', function: { ...weatherTool.function, parse: JSON.parse, function: (args) => void calls.push(args) ?? 'sunny' } }],
  });
  const text = await runner.finalContent();
  check(calls.length >= 1 && typeof calls[0].city === 'string', `calls: ${JSON.stringify(calls)}`);
  check(text.length > 0, 'there is text');
});

test('tools: a required call has arguments that fit', async () => {
  const answer = await client.chat.completions.create({ model: MODEL, messages: hello, tools: [weatherTool], tool_choice: 'required' });
  const call = answer.choices[0].message.tool_calls[0];
  same(call.function.name, 'get_weather', 'name');
  same(Object.keys(JSON.parse(call.function.arguments)), ['city'], 'arguments');
});

test('structured output: chat parse fits the schema', async () => {
  const answer = await client.chat.completions.parse({ model: MODEL, messages: hello, response_format: zodResponseFormat(Weather, 'weather') });
  Weather.parse(answer.choices[0].message.parsed);
});

test('structured output: chat stream fits the schema', async () => {
  const stream = client.chat.completions.stream({ model: MODEL, messages: hello, response_format: zodResponseFormat(Weather, 'weather') });
  Weather.parse((await stream.finalChatCompletion()).choices[0].message.parsed);
});

// ── responses ──

test('responses: a whole answer', async () => {
  const answer = await client.responses.create({ model: REASONER, input: 'Say hello.' });
  same([answer.object, answer.status], ['response', 'completed'], 'object and status');
  check(answer.output_text.length > 0, 'there is text');
  check(answer.usage.input_tokens > 0 && answer.usage.output_tokens_details.reasoning_tokens >= 0, 'usage');
  check(answer._request_id, 'request id');
});

test('responses stream: events are numbered and end whole', async () => {
  const types = [];
  let next = 0;
  let text = '';
  let final;
  for await (const event of await client.responses.create({ model: REASONER, input: 'Say hello.', stream: true })) {
    same(event.sequence_number, next++, 'sequence number');
    types.push(event.type);
    if (event.type === 'response.output_text.delta') text += event.delta;
    if (event.type === 'response.completed') final = event.response;
  }
  same([types[0], types.at(-1)], ['response.created', 'response.completed'], 'first and last');
  const message = final.output.find((each) => each.type === 'message');
  same(message.content[0].text, text, 'text');
});

test('responses stream: the helper accumulates', async () => {
  const stream = client.responses.stream({ model: REASONER, input: 'Say hello.' });
  let text = '';
  stream.on('response.output_text.delta', (event) => (text += event.delta));
  const answer = await stream.finalResponse();
  same(answer.output_text, text, 'text');
  same(answer.status, 'completed', 'status');
});

test('responses stream: the helper reads pieces cut at every byte', async () => {
  const answer = await client.responses.stream({ model: MODEL, input: 'Hi', metadata: sim({ mishap: 'split(1)' }) }).finalResponse();
  check(answer.output_text.length > 0, 'text');
});

test('responses: structured output fits the schema', async () => {
  const answer = await client.responses.parse({ model: MODEL, input: 'Hi', text: { format: zodTextFormat(Weather, 'weather') } });
  Weather.parse(answer.output_parsed);
});

test('responses: a tool loop goes on from the previous response', async () => {
  const tools = [{ type: 'function', ...weatherTool.function }];
  const first = await client.responses.create({ model: REASONER, input: 'How is the weather in Paris?', tools, tool_choice: 'required' });
  const call = first.output.find((each) => each.type === 'function_call');
  check(typeof JSON.parse(call.arguments).city === 'string', call.arguments);
  const second = await client.responses.create({
    model: REASONER,
    previous_response_id: first.id,
    input: [{ type: 'function_call_output', call_id: call.call_id, output: '{"celsius":21}' }],
    tools,
  });
  check(second.output_text.length > 0, 'there is text');
  same(second.previous_response_id, first.id, 'previous response');
});

test('responses: stored ones are read, listed and deleted', async () => {
  const made = await client.responses.create({ model: MODEL, input: 'Remember me.' });
  same((await client.responses.retrieve(made.id)).id, made.id, 'id');
  const items = [];
  for await (const item of client.responses.inputItems.list(made.id)) items.push(item);
  check(items.length === 1, `input items: ${items.length}`);
  await client.responses.delete(made.id);
  check((await thrown(client.responses.retrieve(made.id))) instanceof OpenAI.NotFoundError, 'gone');
});

test("responses: an unknown previous response is the client's error", async () => {
  const error = await thrown(client.responses.create({ model: MODEL, input: 'Hi', previous_response_id: 'resp_0123456789' }));
  check(error instanceof OpenAI.NotFoundError || error instanceof OpenAI.BadRequestError, kind(error));
  same([error.code, error.param], ['previous_response_not_found', 'previous_response_id'], 'code and param');
});

for (const mishap of ['cut(4)', 'reset(4)', 'eof(4)', 'garbage(4)', 'error(4)', 'failed(4)']) {
  test(`responses stream: ${mishap} ends failed and never looks whole`, async () => {
    const ask = { model: MODEL, input: 'Say hello.', stream: true, metadata: sim({ mishap }) };
    const types = [];
    let error;
    try {
      for await (const event of await once.responses.create(ask)) types.push(event.type);
    } catch (caught) {
      error = caught;
    }
    check(!types.includes('response.completed'), `types: ${types}`);
    check(types.at(-1) === 'response.failed' || error instanceof OpenAI.APIError, `last ${types.at(-1)}, error ${kind(error)} ${error?.message}`);
    const helped = await once.responses.stream(ask).finalResponse().catch((caught) => caught);
    check(helped instanceof Error || helped.status === 'failed', `helper: ${JSON.stringify(helped)?.slice(0, 200)}`);
  });
}

// ── embeddings, files, audio ──

test('embeddings: base64 by default and floats when asked are the same numbers', async () => {
  const ask = { model: EMBEDDINGS, input: ['one', 'two'] };
  const decoded = await client.embeddings.create(ask);
  const floats = await client.embeddings.create({ ...ask, encoding_format: 'float' });
  same(decoded.data.length, 2, 'vectors');
  same(decoded.data[0].embedding.length, floats.data[0].embedding.length, 'dimensions');
  decoded.data.forEach((each, i) =>
    each.embedding.forEach((value, j) => check(Math.abs(value - floats.data[i].embedding[j]) < 1e-6, `value ${i},${j}`)),
  );
  check(decoded.usage.total_tokens > 0, 'usage');
});

test('files: upload, list, retrieve, content, delete', async () => {
  const lines = '{"custom_id":"1"}\n{"custom_id":"ü"}\n';
  const file = await client.files.create({ file: await toFile(Buffer.from(lines), 'lines.jsonl'), purpose: 'user_data' });
  same([file.object, file.filename, file.bytes], ['file', 'lines.jsonl', Buffer.byteLength(lines)], 'file');
  const ids = [];
  for await (const each of client.files.list()) ids.push(each.id);
  check(ids.includes(file.id), `listed: ${ids}`);
  same((await client.files.retrieve(file.id)).id, file.id, 'retrieved');
  same(await (await client.files.content(file.id)).text(), lines, 'content');
  same((await client.files.delete(file.id)).deleted, true, 'deleted');
  check((await thrown(client.files.retrieve(file.id))) instanceof OpenAI.NotFoundError, 'gone');
});

test('audio: a transcription in multipart', async () => {
  const wav = Buffer.alloc(300_000, 1);
  const answer = await client.audio.transcriptions.create({ file: await toFile(wav, 'speech.wav'), model: TRANSCRIBER });
  check(answer.text.length > 0, 'there is text');
});

// ── errors ──

test('errors: a wrong key is AuthenticationError', async () => {
  const error = await thrown(new OpenAI({ baseURL: BASE_URL, apiKey: 'lk-live-wrong' }).models.list());
  check(error instanceof OpenAI.AuthenticationError, kind(error));
  same([error.status, error.code], [401, 'invalid_api_key'], 'status and code');
  check(error.requestID, 'request id');
});

test('errors: an unknown model is NotFoundError', async () => {
  const error = await thrown(client.chat.completions.create({ model: 'gpt-4o-minl', messages: hello }));
  check(error instanceof OpenAI.NotFoundError, kind(error));
  same([error.code, error.param, error.type], ['model_not_found', 'model', 'invalid_request_error'], 'code, param, type');
  check(error.message.includes(MODEL), `names the nearest: ${error.message}`);
  check(error.requestID, 'request id');
});

test('errors: a wrong request is BadRequestError with param', async () => {
  const error = await thrown(client.chat.completions.create({ model: 42, messages: hello }));
  check(error instanceof OpenAI.BadRequestError, kind(error));
  same(error.param, 'model', 'param');
  check(error.requestID, 'request id');
});

for (const [status, type] of [
  [400, OpenAI.BadRequestError],
  [404, OpenAI.NotFoundError],
  [409, OpenAI.ConflictError],
  [422, OpenAI.UnprocessableEntityError],
  [429, OpenAI.RateLimitError],
  [500, OpenAI.InternalServerError],
  [503, OpenAI.InternalServerError],
]) {
  for (const stream of [false, true]) {
    test(`errors: the upstream's ${status} is ${type.name}${stream ? ' before a stream too' : ''}`, async () => {
      const mishap = `status(${status},code=some_code,message=Some words)`;
      const error = await thrown(once.chat.completions.create({ model: MODEL, messages: hello, stream, metadata: sim({ mishap }) }));
      check(error instanceof type, kind(error));
      same([error.status, error.code], [status, 'some_code'], 'status and code');
      check(error.message.includes('Some words') && error.requestID, 'message and request id');
    });
  }
}

for (const status of [401, 403]) {
  test(`errors: the upstream's ${status} is about the gateway's key, not the client's`, async () => {
    const error = await thrown(once.chat.completions.create({ model: MODEL, messages: hello, metadata: sim({ mishap: `status(${status})` }) }));
    check(error instanceof OpenAI.InternalServerError, kind(error));
    same([error.status, error.code], [502, 'upstream_auth_error'], 'status and code');
  });
}

// ── retries ──

async function retried(mishap, expectedAttempts, leastMillis, mostMillis) {
  attempts = 0;
  const start = performance.now();
  let result;
  try {
    result = await client.chat.completions.create({ model: MODEL, messages: hello, metadata: sim({ mishap }) });
  } catch (error) {
    result = error;
  }
  const millis = performance.now() - start;
  same(attempts, expectedAttempts, 'attempts');
  check(millis >= leastMillis && millis <= mostMillis, `took ${Math.round(millis)} ms, expected ${leastMillis} to ${mostMillis}`);
  return result;
}

test('retries: retry-after-ms is honoured until it works', async () => {
  const answer = await retried(`times(2,${tag()},status(503,retry-after-ms=150))`, 3, 300, 1400);
  check(answer.choices, 'the third attempt is the answer');
});

test('retries: Retry-After in seconds is honoured', async () => {
  const answer = await retried(`times(1,${tag()},status(429,retry-after=1))`, 2, 1000, 3000);
  check(answer.choices, 'the second attempt is the answer');
});

test('retries: x-should-retry false stops them', async () => {
  const error = await retried('status(503,should-retry=false)', 1, 0, 1500);
  check(error instanceof OpenAI.InternalServerError, kind(error));
});

test('retries: x-should-retry true makes them', async () => {
  const answer = await retried(`times(1,${tag()},status(400,should-retry=true,retry-after-ms=100))`, 2, 100, 1500);
  check(answer.choices, 'the second attempt is the answer');
});

test('retries: a 400 is not retried', async () => {
  const error = await retried('status(400)', 1, 0, 1500);
  check(error instanceof OpenAI.BadRequestError, kind(error));
});

test('retries: a stream is retried before its first byte', async () => {
  const mishap = `times(1,${tag()},status(503,retry-after-ms=100))`;
  const seen = await read(await client.chat.completions.create({ model: MODEL, messages: hello, stream: true, metadata: sim({ mishap }) }));
  same(seen.finish, 'stop', 'finish');
});

// ── time ──

test('time: a client that waits too short times out', async () => {
  const short = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY, timeout: 400, maxRetries: 0 });
  const start = performance.now();
  const error = await thrown(short.chat.completions.create({ model: MODEL, messages: hello, metadata: sim({ mishap: 'silence' }) }));
  check(error instanceof OpenAI.APIConnectionTimeoutError, kind(error));
  check(performance.now() - start < 3000, 'at once');
  check((await client.chat.completions.create({ model: MODEL, messages: hello })).id, 'the next call works');
});

test('time: a late first byte is waited for', async () => {
  const answer = await once.chat.completions.create({ model: MODEL, messages: hello, metadata: sim({ mishap: 'first(700ms)' }) });
  check(answer.choices, 'there is an answer');
});

test('time: a stream that stalls goes on', async () => {
  const seen = await read(
    await once.chat.completions.create({ model: MODEL, messages: hello, stream: true, metadata: sim({ mishap: 'stall(3,700ms)' }) }),
  );
  if (seen.error) throw seen.error;
  same(seen.finish, 'stop', 'finish');
});

await run();
