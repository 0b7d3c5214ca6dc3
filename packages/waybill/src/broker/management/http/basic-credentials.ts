export interface BasicCredentials {
  readonly user: string
  readonly password: string
}

/** Reads `Authorization: Basic …` (RFC 7617). `undefined` when it is missing or of another kind. */
export function basicCredentials(header: string | undefined): BasicCredentials | undefined {
  const [, encoded] = /^basic +([\w+/=-]+) *$/i.exec(header ?? '') ?? []
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon === -1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
