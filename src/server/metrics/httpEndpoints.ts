/**
 * What a member answers to plain HTTP: `/metrics`, `/health`, `/livez`, `/readyz`, `/version`,
 * with etcd's codes and bodies, so that probes and dashboards made for etcd work unchanged.
 *
 * Invariant: no request makes an exception leave here, and none changes the member.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { checkHealth, PROBES, runChecks, type HealthSource } from './health';

export interface EndpointSource extends HealthSource {
  readonly version: string;
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  healthAnswered(isHealthy: boolean): void;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';

export function httpEndpoints(source: EndpointSource): RequestListener {
  return (request, response) => {
    answer(source, request).then(
      (given) => send(response, given, request.method === 'HEAD'),
      (error: unknown) => send(response, text(500, `${String(error)}\n`), false),
    );
  };
}

function text(status: number, body: string): Answer {
  return { status, contentType: TEXT, body };
}

function send(response: ServerResponse, given: Answer, headOnly: boolean): void {
  response.writeHead(given.status, {
    'content-type': given.contentType,
    'content-length': Buffer.byteLength(given.body),
    'x-content-type-options': 'nosniff',
    ...given.headers,
  });
  response.end(headOnly ? undefined : given.body);
}

async function answer(source: EndpointSource, request: IncomingMessage): Promise<Answer> {
  const url = parse(request.url ?? '/');
  if (url === undefined) return text(400, 'Bad Request\n');
  const [, first = '', check, ...more] = url.pathname.split('/');
  const route = more.length > 0 ? undefined : routeOf(source, first, check, url.searchParams);
  if (route === undefined) return text(404, '404 page not found\n');
  const { method } = request;
  if (method === 'GET' || (method === 'HEAD' && route.allowsHead)) return route.run();
  return { ...text(405, 'Method Not Allowed\n'), headers: { allow: 'GET' } };
}

function parse(target: string): URL | undefined {
  try {
    return new URL(target, 'http://member');
  } catch {
    return undefined;
  }
}

interface Route {
  readonly run: () => Promise<Answer> | Answer;
  readonly allowsHead?: boolean;
}

function routeOf(
  source: EndpointSource,
  first: string,
  check: string | undefined,
  query: URLSearchParams,
): Route | undefined {
  if (first === 'livez' || first === 'readyz') {
    const names: readonly string[] = PROBES[first];
    if (check === undefined) return { run: () => probe(source, names, query) };
    return names.includes(check) ? { run: () => probe(source, [check], query) } : undefined;
  }
  if (check !== undefined) return undefined;
  switch (first) {
    case 'metrics':
      return { run: () => metrics(source), allowsHead: true };
    case 'health':
      return { run: () => health(source, query) };
    case 'version':
      return { run: () => version(source), allowsHead: true };
    default:
      return undefined;
  }
}

async function metrics(source: EndpointSource): Promise<Answer> {
  const { contentType, text: body } = await source.metrics();
  return { status: 200, contentType, body };
}

function version({ version: number }: EndpointSource): Answer {
  const body = JSON.stringify({ etcdserver: number, etcdcluster: number });
  return { status: 200, contentType: JSON_TYPE, body };
}

async function health(source: EndpointSource, query: URLSearchParams): Promise<Answer> {
  const result = await checkHealth(source, {
    exclude: new Set(query.getAll('exclude').filter((name) => name !== '')),
    serializable: query.get('serializable') === 'true',
  });
  const isHealthy = result.health === 'true';
  source.healthAnswered(isHealthy);
  const body = JSON.stringify(result);
  if (isHealthy) return { status: 200, contentType: JSON_TYPE, body };
  return text(503, `${body}\n`);
}

/** All checks of `/livez` or `/readyz`, or one of them. A failed one always says why. */
async function probe(
  source: EndpointSource,
  names: readonly string[],
  query: URLSearchParams,
): Promise<Answer> {
  const exclude = new Set(query.getAll('exclude'));
  const results = await runChecks(source, names, exclude);
  const lines = results.map(({ line }) => `${line}\n`).join('');
  if (results.every(({ ok }) => ok))
    return text(200, query.has('verbose') ? `${lines}ok\n` : 'ok\n');
  return text(503, lines);
}
