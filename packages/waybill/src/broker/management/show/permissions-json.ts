import type { Permissions, TopicPermissions } from '../../access/all-permissions.ts'
import type { JsonObject } from '../../wire/json.ts'

export function permissionsJson({ virtualHost, user, configure, write, read }: Permissions): JsonObject {
  return { user, vhost: virtualHost, configure, write, read }
}

export function topicPermissionsJson({ virtualHost, user, exchange, write, read }: TopicPermissions): JsonObject {
  return { user, vhost: virtualHost, exchange, write, read }
}
