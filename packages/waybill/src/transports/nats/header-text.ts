// Text as it stands in a NATS header, which is a line: no control characters, no blanks at either end, and names of
// visible ASCII without a colon. What does not fit is percent-encoded, as UTF-8.
//
//   attribute value   CloudEvents NATS binding 1.0.2, section 3.1.3.2: all but U+0021 to U+007E, and " and %
//   header value      of Waybill's own messages: %, controls, and blanks at either end; other text stays readable
//   header name       all but letters, digits and the marks of an HTTP token (RFC 9110, section 5.6.2), without %

const NOT_ATTRIBUTE = /[^\x21\x23\x24\x26-\x7e]/
// oxlint-disable-next-line no-control-regex -- these are what a line cannot hold
const NOT_VALUE = /[\x00-\x1f\x7f%]|^[^\S\r\n]|[^\S\r\n]$/
const NOT_NAME = /[^\w!#$&'*+.^`|~-]/
/** Names that mean something to the server or to the binding: their first letter is encoded, so that they do not. */
const TAKEN = /^(?:nats-|ce-|content-type$)/i

export function attributeText(value: string): string {
  return NOT_ATTRIBUTE.test(value) ? encoded(value, NOT_ATTRIBUTE) : value
}

export function valueText(value: string): string {
  if (!NOT_VALUE.test(value)) return value
  // oxlint-disable-next-line no-control-regex -- as above
  return encoded(value, /[\x00-\x1f\x7f%]|\s/u)
}

export function nameText(name: string): string {
  const text = NOT_NAME.test(name) ? encoded(name, NOT_NAME) : name
  return TAKEN.test(text) ? `%${text.charCodeAt(0).toString(16).toUpperCase()}${text.slice(1)}` : text
}

/** What was encoded; text with a % that begins no encoding stays as it is. */
export function decoded(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Character by character: `encodeURIComponent` leaves some of those alone that a header cannot hold. */
function encoded(text: string, unfit: RegExp): string {
  let result = ''
  for (const character of text) {
    if (!unfit.test(character)) result += character
    else for (const byte of utf8.encode(character)) result += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return result
}

const utf8 = new TextEncoder()
