import type { User } from '../../access/users.ts'
import type { JsonObject } from '../../wire/json.ts'

export function userJson({ name, tags, password }: User): JsonObject {
  return {
    name,
    tags,
    password_hash: password?.hash ?? '',
    hashing_algorithm: password?.algorithm ?? 'rabbit_password_hashing_sha256',
    limits: {},
  }
}
