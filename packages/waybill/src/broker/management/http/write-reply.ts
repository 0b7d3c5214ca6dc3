import type { ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { Runtime } from '../../../runtime/runtime.ts'
import { pickColumns } from './columns.ts'
import type { HttpError } from './http-error.ts'
import { isJsonObject } from '../../wire/json.ts'
import { select, shown, type Selection } from './list-query.ts'
import type { Listed, Reply } from './reply.ts'

/** Items of a list that are written in one turn of the event loop. */
const BURST = 500

const HEADERS = {
  'cache-control': 'no-cache',
  'content-type': 'application/json',
  'x-content-type-options': 'nosniff',
} as const

/** Answers a request. Long lists go out over several turns of the event loop, as fast as they are read. */
export async function writeReply(
  response: ServerResponse,
  reply: Reply,
  query: URLSearchParams,
  runtime: Runtime,
): Promise<void> {
  switch (reply.kind) {
    case 'json':
      return writeText(
        response,
        reply.status ?? 200,
        JSON.stringify(isJsonObject(reply.value) ? pickColumns(reply.value, query.get('columns')) : reply.value),
      )
    case 'list':
      return writeList(response, select(reply.items, query), query, runtime)
    case 'created':
      response.writeHead(201, {
        'content-length': 0,
        ...(reply.location === undefined ? {} : { location: reply.location }),
      })
      return void response.end()
    case 'done':
      return void response.writeHead(204).end()
  }
}

export function writeError(response: ServerResponse, { status, error, reason }: HttpError): void {
  writeText(response, status, JSON.stringify({ error, reason }))
}

function writeText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...HEADERS, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

async function writeList(
  response: ServerResponse,
  { items, page }: Selection,
  query: URLSearchParams,
  runtime: Runtime,
): Promise<void> {
  const around = page === undefined ? ['[', ']'] : [`${JSON.stringify(page).slice(0, -1)},"items":[`, ']}']
  if (items.length <= BURST) return writeText(response, 200, around.join(texts(items, query)))
  response.writeHead(200, HEADERS)
  let before = around[0]
  for (let at = 0; at < items.length; at += BURST) {
    const isRead = response.write(before + texts(items.slice(at, at + BURST), query))
    before = ','
    if (response.destroyed) return
    if (isRead) await new Promise<void>((resolve) => runtime.defer(resolve))
    else await Promise.race([once(response, 'drain'), once(response, 'close')])
  }
  response.end(around[1])
}

function texts(items: readonly Listed[], query: URLSearchParams): string {
  return items.map((item) => JSON.stringify(shown(item, query))).join(',')
}
