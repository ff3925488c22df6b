// Runs named cases one after another and prints one line of JSON per case:
// {"name", "ok", "detail", "millis"}. Exits 0 when every case was run, whatever it found: the reader decides.

const CASE_LIMIT_MILLIS = 30_000;

const cases = [];

/** Adds a case; it fails when its function throws or takes too long. */
export function test(name, body) {
  cases.push({ name, body });
}

export function check(condition, what) {
  if (!condition) throw new Error(what);
}

export function same(actual, expected, what) {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) throw new Error(`${what}: got ${a}, expected ${e}`);
}

/** What the promise or function threw; fails when it threw nothing. */
export async function thrown(work) {
  let result;
  try {
    result = await (typeof work === 'function' ? work() : work);
  } catch (error) {
    return error;
  }
  throw new Error(`nothing was thrown, got ${JSON.stringify(result)?.slice(0, 300)}`);
}

/** A name of the error that does not depend on how its module was bundled. */
export function kind(error) {
  return error?.constructor?.name ?? typeof error;
}

export async function run() {
  const only = process.env.ONLY ? new RegExp(process.env.ONLY) : /./;
  for (const { name, body } of cases.filter((each) => only.test(each.name))) {
    const start = performance.now();
    let detail = '';
    let timer;
    try {
      await Promise.race([
        body(),
        new Promise((_, fail) => {
          timer = setTimeout(() => fail(new Error(`still running after ${CASE_LIMIT_MILLIS} ms`)), CASE_LIMIT_MILLIS);
        }),
      ]);
    } catch (error) {
      detail = `${kind(error)}: ${error?.message ?? error}\n${error?.stack ?? ''}${error?.cause ? `\ncause: ${error.cause?.stack ?? error.cause}` : ''}`;
    } finally {
      clearTimeout(timer);
    }
    const millis = Math.round(performance.now() - start);
    console.log(JSON.stringify({ name, ok: detail === '', detail, millis }));
  }
  process.exit(0);
}

process.on('unhandledRejection', (reason) => {
  // A client that drops a rejected promise must not end the run of the other cases.
  console.error('unhandled rejection:', reason);
});

export const BASE_URL = process.env.BASE_URL ?? 'http://127.0.0.1:8080/v1';
export const API_KEY = process.env.API_KEY ?? 'none';
export const MODEL = process.env.MODEL ?? 'gpt-4o-mini';
export const REASONER = process.env.REASONER ?? 'gpt-5.5';
export const EMBEDDINGS = process.env.EMBEDDINGS ?? 'text-embedding-3-small';
export const TRANSCRIBER = process.env.TRANSCRIBER ?? 'gpt-4o-transcribe';

/** Metadata that asks the simulated provider for something: a mishap, a length, a pace. */
export function sim(wishes) {
  return Object.fromEntries(Object.entries(wishes).map(([name, value]) => [`sim_${name}`, String(value)]));
}

let tags = 0;

/** A tag of its own for `times(n,tag,mishap)`, so that no other case's calls are counted. */
export function tag() {
  return `${process.pid}x${Date.now().toString(36)}x${tags++}`;
}
