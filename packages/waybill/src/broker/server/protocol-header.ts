// The first octets of a client (AMQP 0-9-1, section 4.2.2):
//
//   protocol-header = "AMQP" 0 0 9 1

export const PROTOCOL_HEADER: Buffer = Buffer.from('AMQP\0\0\u0009\u0001', 'latin1')

/** Some clients still say this of 0-9-1. */
const OLD_HEADER = Buffer.from('AMQP\u0001\u0001\0\u0009', 'latin1')

/** Puts the header together, in however many pieces it comes. */
export class ProtocolHeader {
  #octets: Buffer = Buffer.alloc(0)

  /** What came behind the header; `undefined` while there is no more than a part of it, 'other' when it is another one. */
  push(chunk: Buffer): Buffer | 'other' | undefined {
    const octets = Buffer.concat([this.#octets, chunk])
    const { length } = PROTOCOL_HEADER
    if (octets.length < length) {
      this.#octets = octets
      return undefined
    }
    const header = octets.subarray(0, length)
    return header.equals(PROTOCOL_HEADER) || header.equals(OLD_HEADER) ? octets.subarray(length) : 'other'
  }
}
