// The Vercel AI SDK over its three ways to an OpenAI-compatible server.
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, Output, RetryError, embedMany, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import { API_KEY, BASE_URL, EMBEDDINGS, MODEL, REASONER, check, kind, run, same, sim, tag, test, thrown } from './cases.mjs';

globalThis.AI_SDK_LOG_WARNINGS = false;

const openai = createOpenAI({ baseURL: BASE_URL, apiKey: API_KEY });
const compatible = createOpenAICompatible({
  name: 'lockkeeper',
  baseURL: BASE_URL,
  apiKey: API_KEY,
  includeUsage: true,
  supportsStructuredOutputs: true,
});

/** The three ways: how a model is named, and where its metadata is written. */
const ways = [
  { name: 'responses', model: (id) => openai.responses(id), options: (metadata) => ({ openai: { metadata } }) },
  { name: 'chat', model: (id) => openai.chat(id), options: (metadata) => ({ openai: { metadata } }) },
  { name: 'compatible', model: (id) => compatible(id), options: (metadata) => ({ lockkeeper: { metadata } }) },
];

const weather = (calls) =>
  tool({
    description: 'The weather of a city',
    inputSchema: z.object({ city: z.string() }),
    execute: async (input) => {
      calls.push(input);
      return { celsius: 21, sunny: true };
    },
  });

async function parts(result) {
  const seen = { text: '', types: [], errors: [], finish: undefined, toolCalls: 0 };
  for await (const part of result.fullStream) {
    seen.types.push(part.type);
    if (part.type === 'text-delta') seen.text += part.text;
    if (part.type === 'tool-call') seen.toolCalls++;
    if (part.type === 'error') seen.errors.push(part.error);
    if (part.type === 'finish') seen.finish = part.finishReason;
  }
  return seen;
}

for (const { name, model, options } of ways) {
  test(`${name}: generateText`, async () => {
    const result = await generateText({ model: model(MODEL), prompt: 'Say hello.' });
    check(result.text.length > 0, 'there is text');
    same(result.finishReason, 'stop', 'finish reason');
    check(result.usage.inputTokens > 0 && result.usage.outputTokens > 0, `usage ${JSON.stringify(result.usage)}`);
  });

  test(`${name}: generateText with a reasoning model`, async () => {
    const result = await generateText({ model: model(REASONER), prompt: 'Say hello.', maxOutputTokens: 2000 });
    check(result.text.length > 0, 'there is text');
  });

  test(`${name}: generateText runs a tool and goes on`, async () => {
    const calls = [];
    const result = await generateText({
      model: model(MODEL),
      prompt: 'How is the weather in Paris?',
      tools: { weather: weather(calls) },
      stopWhen: stepCountIs(4),
    });
    check(calls.length >= 1 && typeof calls[0].city === 'string', `calls ${JSON.stringify(calls)}`);
    check(result.text.length > 0 && result.steps.length >= 2, `${result.steps.length} steps`);
  });

  test(`${name}: structured output`, async () => {
    const result = await generateText({
      model: model(MODEL),
      prompt: 'Make up a person.',
      output: Output.object({ schema: z.object({ name: z.string(), age: z.number() }) }),
    });
    check(typeof result.output.name === 'string' && typeof result.output.age === 'number', JSON.stringify(result.output));
  });

  test(`${name}: streamText`, async () => {
    const result = streamText({ model: model(MODEL), prompt: 'Say hello.', onError: () => {} });
    const seen = await parts(result);
    same(seen.errors, [], 'errors');
    check(seen.text.length > 0, 'there is text');
    same(seen.finish, 'stop', 'finish');
    check((await result.usage).outputTokens > 0, 'usage');
  });

  test(`${name}: streamText runs a tool and goes on`, async () => {
    const calls = [];
    const result = streamText({
      model: model(MODEL),
      prompt: 'How is the weather in Paris?',
      tools: { weather: weather(calls) },
      stopWhen: stepCountIs(4),
      onError: () => {},
    });
    const seen = await parts(result);
    same(seen.errors, [], 'errors');
    check(calls.length >= 1 && typeof calls[0].city === 'string', `calls ${JSON.stringify(calls)}`);
    check(seen.toolCalls >= 1 && seen.text.length > 0, `types ${seen.types}`);
  });

  for (const mishap of ['cut(4)', 'reset(4)', 'eof(4)', 'error(4)']) {
    test(`${name}: streamText under ${mishap} tells an error and never stops whole`, async () => {
      const result = streamText({
        model: model(MODEL),
        prompt: 'Say hello.',
        maxRetries: 0,
        providerOptions: options(sim({ mishap })),
        onError: () => {},
      });
      let seen;
      try {
        seen = await parts(result);
      } catch (error) {
        seen = { errors: [error], finish: undefined };
      }
      check(seen.errors.length > 0 || seen.finish === 'error', `errors ${seen.errors.length}, finish ${seen.finish}, types ${seen.types}`);
      check(seen.finish !== 'stop', `finish ${seen.finish}`);
    });
  }

  test(`${name}: a wrong key is an APICallError that is not retried`, async () => {
    const wrong =
      name === 'compatible'
        ? createOpenAICompatible({ name: 'wrong', baseURL: BASE_URL, apiKey: 'lk-live-wrong' })(MODEL)
        : createOpenAI({ baseURL: BASE_URL, apiKey: 'lk-live-wrong' })[name](MODEL);
    const error = await thrown(generateText({ model: wrong, prompt: 'Hi' }));
    check(APICallError.isInstance(error), kind(error));
    same([error.statusCode, error.isRetryable], [401, false], 'status, retryable');
  });

  test(`${name}: an overload is retried after the time that was named`, async () => {
    const start = performance.now();
    const result = await generateText({
      model: model(MODEL),
      prompt: 'Hi',
      providerOptions: options(sim({ mishap: `times(2,${tag()},status(503,retry-after-ms=120))` })),
    });
    const millis = performance.now() - start;
    check(result.text.length > 0, 'there is text');
    check(millis >= 240 && millis < 4000, `took ${Math.round(millis)} ms`);
  });

  test(`${name}: an overload that stays is a RetryError`, async () => {
    const error = await thrown(
      generateText({
        model: model(MODEL),
        prompt: 'Hi',
        maxRetries: 1,
        providerOptions: options(sim({ mishap: 'status(503,retry-after-ms=50)' })),
      }),
    );
    check(RetryError.isInstance(error), `${kind(error)} ${error.message}`);
    same(error.errors.length, 2, 'attempts');
  });

  test(`${name}: an abort ends the stream`, async () => {
    const abort = new AbortController();
    const result = streamText({
      model: model(MODEL),
      prompt: 'Hi',
      abortSignal: abort.signal,
      providerOptions: options(sim({ tokens: 400, pace_ms: 20 })),
      onError: () => {},
    });
    let deltas = 0;
    let ended;
    for await (const part of result.fullStream) {
      if (part.type === 'text-delta' && ++deltas === 2) abort.abort();
      ended = part.type;
    }
    check(deltas < 20, `${deltas} deltas`);
    same(ended, 'abort', 'last part');
  });
}

test('chat: embedMany', async () => {
  const result = await embedMany({ model: openai.embedding(EMBEDDINGS), values: ['one', 'two', 'three'] });
  same(result.embeddings.length, 3, 'vectors');
  check(result.embeddings[0].length > 8 && result.embeddings[0].every(Number.isFinite), 'numbers');
});

test('compatible: embedMany', async () => {
  const result = await embedMany({ model: compatible.embeddingModel(EMBEDDINGS), values: ['one', 'two', 'three'] });
  same(result.embeddings.length, 3, 'vectors');
});

await run();
