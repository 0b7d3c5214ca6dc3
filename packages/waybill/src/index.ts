// The public door. One hand-written list; what is not here is not promised.

// Contracts: messages as typed values.
export { binary, command, contract, document, event, query, survey, type, upcast } from './contract/contract.ts'
export type {
  AnyCommand,
  AnyContracted,
  AnyDocument,
  AnyEvent,
  AnyQuery,
  AnyRequest,
  AnySurvey,
  Command,
  Contract,
  ContractOptions,
  Contracted,
  Document,
  Event,
  In,
  Out,
  Query,
  ReplyIn,
  ReplyOf,
  Survey,
} from './contract/contract.ts'
export { contentId, foreign, plainText, type ForeignOptions } from './contract/foreign.ts'
export type { ForeignIdentity, ForeignMessage, ForeignOutput } from './contract/foreign-mapping.ts'

// Services and the bus.
export { service } from './bus/service.ts'
export type { AsyncReply, HandlerOptions, Service, SubscriberOptions } from './bus/service.ts'
export { createBus } from './bus/create-bus.ts'
export type { Bus, BusHealth, BusOptions, SubscriptionControl, SubscriptionHealth } from './bus/bus.ts'
export type { ReadEvent, ReadOptions } from './bus/reading.ts'
export type { Context } from './bus/context.ts'
export type {
  RequestAsyncOptions,
  RequestOptions,
  ScatterOptions,
  Sender,
  SendOptions,
  Sent,
  SurveyReply,
} from './bus/sender.ts'
export { consoleLogger, silentLogger, type Logger } from './bus/logger.ts'
export type { Handle, Handling, Middleware } from './middleware/handler.ts'
export type { Retry } from './middleware/retry-policy.ts'

// What is promised.
export type { Known, LastResort, Loss, Problem, RouteVerdict, SendVerdict, Verdicts } from './verdict/route-verdict.ts'

// What can be observed.
export { DIAGNOSTIC_CHANNELS } from './bus/diagnostics.ts'
export type { HandleEnded, HandleStarted, LinkChanged, SendEnded, SendStarted } from './bus/diagnostics.ts'

// Errors.
export { isWaybillError, WaybillError } from './message/errors.ts'
export { ERROR_CODES, type ErrorCode, type ErrorScope } from './message/error-codes.ts'
export { readFailures, FAILURE_HEADERS, type DeadLetterReason, type FailureRecord } from './message/failure.ts'

// Messages as they travel.
export type { MessageKind } from './message/kind.ts'
export type { WireMessage } from './message/wire-message.ts'
export type { Duration } from './runtime/duration.ts'
export type { Runtime } from './runtime/runtime.ts'

// Transports.
export { embedded, type EmbeddedOptions } from './transports/embedded/embedded.ts'
export { nats } from './transports/nats/nats.ts'
export type { NatsOptions, NatsTlsOptions } from './transports/nats/nats-options.ts'
export { postgres } from './transports/postgres/postgres.ts'
export type { PostgresOptions, PostgresTlsOptions } from './transports/postgres/postgres-options.ts'
export { kafka } from './transports/kafka/kafka.ts'
export type { KafkaOptions } from './transports/kafka/kafka-options.ts'
export { redis } from './transports/redis/redis.ts'
export type { RedisOptions, RedisTlsOptions } from './transports/redis/redis-options.ts'
export { rabbitmq } from './transports/rabbitmq/rabbitmq.ts'
export type { RabbitmqOptions } from './transports/rabbitmq/rabbitmq-options.ts'
export type { StartPosition } from './transport/transport.ts'
export type { TransportFactory } from './transport/transport-factory.ts'
