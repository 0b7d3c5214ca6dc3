// A foreign channel names something of ordinary clients: a subject that one of their streams has, or such a stream.
import { WaybillError } from '../../message/errors.ts'
import type { Api } from './api.ts'

/** The stream to read, and the part of it. */
export async function foreignEntity(
  api: Api,
  name: string,
): Promise<{ readonly stream: string; readonly filter: string | undefined }> {
  const stream = /\s/.test(name) ? undefined : await api.streamOf(name)
  if (stream !== undefined) return { stream, filter: name }
  if (!/[\s.*>/\\]/.test(name) && (await api.stream(name)) !== undefined) return { stream: name, filter: undefined }
  throw new WaybillError('WAYBILL_NOT_FOUND', `no stream has the subject ${name}, or is called so`)
}

/** Where to publish for it; its streams answer. */
export async function foreignSubject(api: Api, name: string): Promise<string> {
  if (/[*>]/.test(name))
    throw new WaybillError('WAYBILL_UNSUPPORTED', `nothing can be sent to ${name}, which stands for many subjects`)
  const { stream, filter } = await foreignEntity(api, name)
  if (filter !== undefined) return filter
  const [subject, ...others] = (await api.stream(stream))?.config.subjects ?? []
  if (subject !== undefined && others.length === 0 && !/[*>]/.test(subject)) return subject
  throw new WaybillError('WAYBILL_UNSUPPORTED', `stream ${stream} has many subjects: name the one to send to`)
}
