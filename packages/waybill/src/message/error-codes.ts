/**
 * How far the damage of an error reaches, and so what may be done about it: settle one message, take up one
 * subscription again, reconnect, or refuse to start.
 */
export type ErrorScope = 'message' | 'subscription' | 'connection' | 'configuration'

/** The closed list. */
export type ErrorCode =
  | 'WAYBILL_BAD_URL'
  | 'WAYBILL_DRIVER_MISSING'
  | 'WAYBILL_ACCESS_REFUSED'
  | 'WAYBILL_TOPOLOGY_CONFLICT'
  | 'WAYBILL_NOT_FOUND'
  | 'WAYBILL_COMMAND_CLAIMED'
  | 'WAYBILL_ORDER_NEEDS_SHARDS'
  | 'WAYBILL_UNSUPPORTED'
  | 'WAYBILL_LIMIT'
  | 'WAYBILL_INBOX_TOO_SHORT'
  | 'WAYBILL_INVALID_DEFINITION'
  | 'WAYBILL_STORE_IN_USE'
  | 'WAYBILL_STORE_DAMAGED'
  | 'WAYBILL_STORE_VERSION'
  | 'WAYBILL_STORE_UNWRITABLE'
  | 'WAYBILL_BROKER_VERSION'
  | 'WAYBILL_ADDRESS_IN_USE'
  | 'WAYBILL_NO_DEFAULT_FOLDER'
  | 'WAYBILL_NOT_CONNECTED'
  | 'WAYBILL_CLOSED'
  | 'WAYBILL_STORE_FAILED'
  | 'WAYBILL_BROKER_UNREACHABLE'
  | 'WAYBILL_SUBSCRIPTION_LOST'
  | 'WAYBILL_POSITION_GONE'
  | 'WAYBILL_INVALID_MESSAGE'
  | 'WAYBILL_MALFORMED'
  | 'WAYBILL_UNKNOWN_TYPE'
  | 'WAYBILL_UNROUTABLE'
  | 'WAYBILL_REFUSED'
  | 'WAYBILL_TOO_LARGE'
  | 'WAYBILL_OUTCOME_UNKNOWN'
  | 'WAYBILL_COMMIT_UNKNOWN'
  | 'WAYBILL_DATABASE_FAILED'
  | 'WAYBILL_BACKPRESSURE'
  | 'WAYBILL_REQUEST_TIMEOUT'
  | 'WAYBILL_HANDLER_TIMEOUT'
  | 'WAYBILL_HANDLER_FAILED'
  | 'WAYBILL_REMOTE_FAILED'
  | 'WAYBILL_EXPIRED'
  | 'WAYBILL_POISON'
  | 'WAYBILL_CIRCUIT_OPEN'
  | 'WAYBILL_CALL_TIMEOUT'
  | 'WAYBILL_DEAD_LETTERED'
  | 'WAYBILL_ABORTED'
  | 'WAYBILL_TRANSACTION_ENDED'
  | 'WAYBILL_NEEDS_TRANSACTION'
  | 'WAYBILL_SEQUENCE_GAP'

export interface ErrorEntry {
  readonly scope: ErrorScope
  /** What it means and the likely cause, in one sentence. */
  readonly cause: string
  /** What to do. */
  readonly cure: string
}

/** The closed list of Waybill's error codes. A code keeps its meaning between major versions. */
export const ERROR_CODES: Readonly<Record<ErrorCode, ErrorEntry>> = {
  // --- configuration: refuse to start
  WAYBILL_BAD_URL: {
    scope: 'configuration',
    cause: 'The address of a broker or of a store cannot be read, or names a scheme that nothing here serves.',
    cure: 'Write amqp://user:password@host:5672/vhost, nats://host:4222, kafka://host:9092, or a directory for the embedded broker; of a store postgres://…, mysql://… or sqlite:path.',
  },
  WAYBILL_DRIVER_MISSING: {
    scope: 'configuration',
    cause: 'The transport or the store needs a driver package that is not installed.',
    cure: 'Install the package that the message names.',
  },
  WAYBILL_ACCESS_REFUSED: {
    scope: 'configuration',
    cause: 'The broker refused the credentials, or the user may not use the virtual host or the entity.',
    cure: 'Check user, password, virtual host and permissions.',
  },
  WAYBILL_TOPOLOGY_CONFLICT: {
    scope: 'configuration',
    cause: 'A queue, exchange or channel exists with other properties than the ones declared.',
    cure: 'Make the declarations equal, or delete the old entity once it is empty.',
  },
  WAYBILL_NOT_FOUND: {
    scope: 'configuration',
    cause: 'A queue, an exchange, a group, a message, a file or a table that is named does not exist.',
    cure: 'Declare it first, or correct its name.',
  },
  WAYBILL_COMMAND_CLAIMED: {
    scope: 'configuration',
    cause: 'Two services claim one command, query or document; only one may receive it.',
    cure: 'Let one service handle it; to move it to another service, release the claim first.',
  },
  WAYBILL_ORDER_NEEDS_SHARDS: {
    scope: 'configuration',
    cause: 'An ordered subscription on a channel without shards cannot keep order between several members.',
    cure: 'Give the contract shards and its messages a key: contract(name, { shards: 8 }, …) and event(schema, { key }).',
  },
  WAYBILL_UNSUPPORTED: {
    scope: 'configuration',
    cause: 'The engine cannot do what is asked, and Waybill does not supply it there.',
    cure: 'Use another option or another engine; `waybill explain` shows what each route promises.',
  },
  WAYBILL_LIMIT: {
    scope: 'configuration',
    cause: 'A value is beyond a limit of the engine or of Waybill.',
    cure: 'Stay within the limit that the message names.',
  },
  WAYBILL_INBOX_TOO_SHORT: {
    scope: 'configuration',
    cause: 'A message may come again after the inbox has forgotten it: from a retry, or out of the dead letters.',
    cure: "Lengthen the store's inbox retention, or shorten `retry` or createBus({ deadLetterLife }).",
  },
  WAYBILL_INVALID_DEFINITION: {
    scope: 'configuration',
    cause: 'A user, a permission or a policy that the broker was given is not what it must be.',
    cure: 'Correct what the message names.',
  },
  WAYBILL_STORE_IN_USE: {
    scope: 'configuration',
    cause: 'Another process has this data folder open.',
    cure: 'End that process, or give this one a folder of its own.',
  },
  WAYBILL_STORE_DAMAGED: {
    scope: 'configuration',
    cause: 'A record in the log is bad although later ones are good: the disk or somebody changed the file.',
    cure: 'Copy the folder, then run `npx waybill broker repair --data <folder>`, which lists what is lost.',
  },
  WAYBILL_STORE_VERSION: {
    scope: 'configuration',
    cause: 'The data folder, or the tables of a store or a transport, were made by a newer version of Waybill.',
    cure: 'Upgrade Waybill; nothing is ever brought back to an older format.',
  },
  WAYBILL_STORE_UNWRITABLE: {
    scope: 'configuration',
    cause: 'The data folder, or a file in it, cannot be made, read or written by this user.',
    cure: 'Give the folder to the user who runs the services, or name another folder.',
  },
  WAYBILL_BROKER_VERSION: {
    scope: 'configuration',
    cause:
      'The broker of this folder runs, and was started by a version of Waybill that talks to its services otherwise.',
    cure: 'End all services of the folder, and the broker process; then start them with one version of Waybill.',
  },
  WAYBILL_ADDRESS_IN_USE: {
    scope: 'configuration',
    cause: 'Another program listens on the address that the broker was told to listen on.',
    cure: 'End that program, or give the broker another port.',
  },
  WAYBILL_NO_DEFAULT_FOLDER: {
    scope: 'configuration',
    cause: 'No transport was named, and NODE_ENV=production forbids an implicit data folder.',
    cure: 'Set WAYBILL_URL, or pass transport: embedded({ dir }) to createBus().',
  },
  // --- connection: reconnect
  WAYBILL_NOT_CONNECTED: {
    scope: 'connection',
    cause: 'The link to the broker is down, or was never up.',
    cure: 'Check that the broker runs and can be reached; Waybill reconnects by itself.',
  },
  WAYBILL_CLOSED: {
    scope: 'connection',
    cause: 'The bus, transport or subscription has been closed.',
    cure: 'Do not use it after close(); look for a missing await.',
  },
  WAYBILL_STORE_FAILED: {
    scope: 'connection',
    cause: 'The disk refused a write or a sync; what was not confirmed may be lost, so the store has closed.',
    cure: 'Repair or free the disk and start again: everything confirmed is there.',
  },
  WAYBILL_BROKER_UNREACHABLE: {
    scope: 'connection',
    cause:
      'The broker process of this folder does not answer and could not be started, or somebody else holds the folder.',
    cure: 'See broker.log in the folder; Waybill goes on trying by itself.',
  },
  // --- subscription: take it up again
  WAYBILL_SUBSCRIPTION_LOST: {
    scope: 'subscription',
    cause: 'The broker ended the subscription, for instance because its queue was deleted.',
    cure: 'Waybill takes it up again; if that repeats, see who deletes the queue.',
  },
  WAYBILL_POSITION_GONE: {
    scope: 'subscription',
    cause: 'The position asked for is no longer in the log.',
    cure: 'Start from `earliest` or `now`, and lengthen the retention.',
  },
  // --- message: settle or refuse one
  WAYBILL_INVALID_MESSAGE: {
    scope: 'message',
    cause: 'The body does not match the schema of its contract.',
    cure: 'Correct the fields that the message lists; at the receiver, compare the versions of the contract.',
  },
  WAYBILL_MALFORMED: {
    scope: 'message',
    cause: 'The bytes cannot be read as the declared content type, or a required header is missing.',
    cure: 'See the dead letter; the sender is not using the contract. Declare a mapping for ordinary clients.',
  },
  WAYBILL_UNKNOWN_TYPE: {
    scope: 'message',
    cause: 'The message has a type, a version or a wire format that this service does not know.',
    cure: 'Deploy the receiver first, or set what the subscription does with unknown messages.',
  },
  WAYBILL_UNROUTABLE: {
    scope: 'message',
    cause: 'Nobody can receive this command, query or document: no service has ever claimed it.',
    cure: 'Start the service that handles it, or declare the channel beforehand with createBus({ declare: [...] }).',
  },
  WAYBILL_REFUSED: {
    scope: 'message',
    cause: 'The broker refused to store the message, for instance because a queue is full.',
    cure: 'Consume faster or raise the limit, then send again: nothing was stored.',
  },
  WAYBILL_TOO_LARGE: {
    scope: 'message',
    cause: 'The message is larger than the engine or the bus allows.',
    cure: 'Send a reference to the data instead (claim check), or raise the limit.',
  },
  WAYBILL_OUTCOME_UNKNOWN: {
    scope: 'message',
    cause: 'The link broke or the time ran out before the broker confirmed: the message may or may not be stored.',
    cure: 'Send again with the same id; receivers must be idempotent.',
  },
  WAYBILL_COMMIT_UNKNOWN: {
    scope: 'message',
    cause: 'The connection to the database broke while a transaction was being committed: it may have been committed.',
    cure: 'A message is handled again by itself, and the inbox knows what was committed; what else you try again must be idempotent.',
  },
  WAYBILL_DATABASE_FAILED: {
    scope: 'message',
    cause: 'The database of the store could not be reached, or has refused a statement or the commit of a transaction.',
    cure: 'See `cause` for its error: the transaction is rolled back, and may be tried again.',
  },
  WAYBILL_BACKPRESSURE: {
    scope: 'message',
    cause: 'The broker takes messages more slowly than they are sent: too many wait for it, and for a place to wait.',
    cure: 'Await each send, so that producers go as fast as the broker; raise the timeout of the send. Nothing was sent.',
  },
  WAYBILL_REQUEST_TIMEOUT: {
    scope: 'message',
    cause: 'No reply came before the deadline.',
    cure: 'See whether the answerer runs and how long it takes; raise the timeout.',
  },
  WAYBILL_HANDLER_TIMEOUT: {
    scope: 'message',
    cause: 'The handler did not return in time.',
    cure: 'Pass ctx.signal to what it awaits, or raise the timeout; the handler keeps its slot until it returns.',
  },
  WAYBILL_HANDLER_FAILED: {
    scope: 'message',
    cause: 'The handler threw.',
    cure: 'See `cause` for its error.',
  },
  WAYBILL_REMOTE_FAILED: {
    scope: 'message',
    cause: 'The handler of the request failed in the other service.',
    cure: 'See `remote` for the name, message and code of its error.',
  },
  WAYBILL_EXPIRED: {
    scope: 'message',
    cause: 'The message expired before it was handled.',
    cure: 'Consume faster or give it a longer life.',
  },
  WAYBILL_POISON: {
    scope: 'message',
    cause:
      'The message was delivered again and again without being settled: it probably ends the process that handles it.',
    cure: 'See the dead letter, mend the handler, then redrive it.',
  },
  WAYBILL_CIRCUIT_OPEN: {
    scope: 'message',
    cause: 'What the circuit breaker guards has failed too often: it is not called until the reset time has passed.',
    cure: 'Nothing to do for a handler: its message is put off, no attempt is counted. See why the dependency fails.',
  },
  WAYBILL_CALL_TIMEOUT: {
    scope: 'message',
    cause: 'A call through a circuit breaker took longer than its `timeout`; it may have had its effect.',
    cure: 'Pass the signal to what is called, make the call idempotent, or raise the timeout of the breaker.',
  },
  WAYBILL_DEAD_LETTERED: {
    scope: 'message',
    cause: 'The handler put the message aside with ctx.deadLetter(reason).',
    cure: 'See the reason in the dead letter.',
  },
  WAYBILL_ABORTED: {
    scope: 'message',
    cause: 'The caller aborted the operation.',
    cure: 'Nothing to do; a request already sent may still be handled.',
  },
  WAYBILL_TRANSACTION_ENDED: {
    scope: 'message',
    cause: 'Something was to be sent with a transaction that had ended: its handler had returned, or had failed.',
    cure: 'Await what the handler sends before it returns; what is to be sent later, send from the bus.',
  },
  WAYBILL_NEEDS_TRANSACTION: {
    scope: 'message',
    cause: 'The contract numbers its messages (`sequence: true`), and numbers are given out within a transaction.',
    cure: 'Send it from a handler of a service with a store, or with bus.in(tx).',
  },
  WAYBILL_SEQUENCE_GAP: {
    scope: 'message',
    cause: 'Messages before this one in the sequence of its sender and key were not handled here.',
    cure: "See the dead letters for what is missing; with onGap: 'report' the handler runs all the same.",
  },
}
