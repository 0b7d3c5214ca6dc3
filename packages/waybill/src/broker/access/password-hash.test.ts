import { expect, test } from 'vitest'
import { hashOfNobody, hashPassword, isPassword, quickHash, readPasswordHash } from './password-hash.ts'

test('a password is known by its hash, another one is not, and no two hashes are equal', async () => {
  for (const hash of [await hashPassword('sesam'), quickHash('sesam')]) {
    expect(await isPassword(hash, 'sesam')).toBe(true)
    for (const other of ['', 'Sesam', 'sesam ']) expect(await isPassword(hash, other)).toBe(false)
    expect(readPasswordHash(hash.algorithm, hash.hash)).toEqual(hash)
  }
  expect((await hashPassword('sesam')).hash).not.toBe((await hashPassword('sesam')).hash)
  expect(await isPassword(hashOfNobody(), '')).toBe(false)
})

test("RabbitMQ's hashes are known", async () => {
  // The example of its documentation, and the same with the longer digest.
  const sha256 = readPasswordHash('rabbit_password_hashing_sha256', 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR')
  expect(await isPassword(sha256, 'test12')).toBe(true)
  expect(await isPassword(sha256, 'test13')).toBe(false)
  const sha512 = readPasswordHash('rabbit_password_hashing_sha512', SHA512_OF_TEST12)
  expect(await isPassword(sha512, 'test12')).toBe(true)
})

test('what is no hash is refused', () => {
  const refused = [
    ['rabbit_password_hashing_md5', 'AAAA', /md5.*known are scrypt/],
    ['rabbit_password_hashing_sha256', 'AAAA', /3 octets; .* has 36/],
    ['scrypt', Buffer.alloc(49).toString('base64'), /cost 2\^0/],
    ['scrypt', Buffer.alloc(49, 200).toString('base64'), /cost 2\^200/],
  ] as const
  for (const [algorithm, hash, text] of refused) {
    expect(() => readPasswordHash(algorithm, hash)).toThrow(text)
    expect(() => readPasswordHash(algorithm, hash)).toThrow(/WAYBILL_INVALID_DEFINITION/)
  }
})

const SHA512_OF_TEST12 = 'kI3GChuNuIYf8lRbCCxZjgjKwsY19ns6+uFO0zcXRBGA/XGJPYD8OWMy7EB8TaOmAzjP2azv84GbINYwX2cDWb4DHnc='
