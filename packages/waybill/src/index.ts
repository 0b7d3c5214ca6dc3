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
  AnySignal,
  AnyStoredEvent,
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
  Signal,
  Survey,
} from './contract/contract.ts'
export { contentId, foreign, plainText, type ForeignOptions } from './contract/foreign.ts'
export type { ForeignIdentity, ForeignMessage, ForeignOutput } from './contract/foreign-mapping.ts'

// Services and the bus.
export { service } from './bus/service/service.ts'
export type { AsyncReply, Service, ServiceOptions, TransactionalService } from './bus/service/service.ts'
export type { BatchOptions, HandlerOptions, InboxOptions, SubscriberOptions } from './bus/service/handler-options.ts'
export { createBus } from './bus/create-bus.ts'
export type { Bus, DatabaseBus, TransactionalBus } from './bus/bus.ts'
export type { BusHealth, SubscriptionHealth } from './bus/health/bus-health.ts'
export type { BusOptions, OutboxOptions } from './bus/settings/bus-options.ts'
export type { OutboxHealth } from './bus/outbox/outbox-health.ts'
export type { SubscriptionControl } from './bus/subscription/subscription-control.ts'
export type { ScheduleOptions, Scheduler, DatabaseSender, TransactionSender } from './bus/sending/transaction-sender.ts'
export type { TransactionalContext } from './bus/service/transactional-context.ts'
export type { ReadEvent, ReadOptions } from './bus/reading/reading.ts'
export type { Context } from './bus/service/context.ts'
export type { DeadLettersOptions } from './bus/dead-letters/dead-letters-options.ts'
export type { ByOptions, DeadLetters, RedriveOptions } from './dead-letters/dead-letters.ts'
export type { DeadLetter } from './dead-letters/dead-letter.ts'
export type { DeadLetterChange } from './dead-letters/edit.ts'
export type { EditRecord, ParkedMark, RedriveRecord, RedriveRecords } from './dead-letters/marks.ts'
export type { DeadLetterPage, ListOptions } from './dead-letters/page.ts'
export type { DeadLetterResult, Refusal, WalkOptions } from './dead-letters/walk.ts'
export type { DeadLetterWhere } from './dead-letters/where.ts'
export type {
  RequestAsyncOptions,
  RequestOptions,
  ScatterOptions,
  Sender,
  SendOptions,
  Sent,
} from './bus/sending/sender.ts'
export type { SurveyReply } from './bus/requests/scatter.ts'
export type { SequenceStanding } from './inbox/sequence.ts'
export { consoleLogger, silentLogger, type Logger } from './bus/observation/logger.ts'
export type { Handle, Handling, Middleware } from './middleware/handler.ts'
export type { ErrorClass, Retry, RetryPer } from './middleware/retry-policy.ts'
export type { RetrySchedule } from './middleware/retry-schedule.ts'

// Failures that heal.
export { circuitBreaker, type CircuitBreaker, type CircuitChanged } from './resilience/circuit-breaker.ts'
export type { CircuitState } from './resilience/circuit.ts'
export type { CircuitBreakerOptions } from './resilience/circuit-settings.ts'
export type { Rate } from './resilience/rate-limit.ts'
export type { BatchSize, HandlerRate, LimitOptions } from './bus/service/limit-options.ts'
export type { Batch, BatchContext, BatchItem, TransactionalBatchContext } from './bus/service/batch.ts'

// What is promised.
export type { Known, LastResort, Loss, Problem, RouteVerdict, SendVerdict, Verdicts } from './verdict/route-verdict.ts'

// What can be observed.
export { DIAGNOSTIC_CHANNELS } from './bus/observation/diagnostics.ts'
export type {
  DuplicateDropped,
  HandleEnded,
  HandleStarted,
  LinkChanged,
  SendEnded,
  SendStarted,
  SequenceGap,
} from './bus/observation/diagnostics.ts'

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
export type { PostgresTransaction } from './transports/postgres/within-transaction.ts'
export type { PostgresOptions, PostgresTlsOptions } from './transports/postgres/postgres-options.ts'
export { kafka } from './transports/kafka/kafka.ts'
export type { KafkaOptions } from './transports/kafka/kafka-options.ts'
export { redis } from './transports/redis/redis.ts'
export type { RedisOptions, RedisTlsOptions } from './transports/redis/redis-options.ts'
export { rabbitmq } from './transports/rabbitmq/rabbitmq.ts'
export type { RabbitmqOptions } from './transports/rabbitmq/rabbitmq-options.ts'
export type { StartPosition } from './transport/transport.ts'
export type { DatabaseTransportFactory, TransportFactory } from './transport/transport-factory.ts'
