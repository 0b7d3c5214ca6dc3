// Methods by class and number, as the first four octets of a method frame have them (AMQP 0-9-1, section 1.4):
//
//   method-payload = class-id method-id arguments
//   class-id       = short-uint
//   method-id      = short-uint

export const CLASS = {
  connection: 10,
  channel: 20,
  access: 30,
  exchange: 40,
  queue: 50,
  basic: 60,
  confirm: 85,
  tx: 90,
} as const

/** Class and method in one number. */
export const METHOD = {
  connectionStart: 0x000a_000a,
  connectionStartOk: 0x000a_000b,
  connectionSecure: 0x000a_0014,
  connectionSecureOk: 0x000a_0015,
  connectionTune: 0x000a_001e,
  connectionTuneOk: 0x000a_001f,
  connectionOpen: 0x000a_0028,
  connectionOpenOk: 0x000a_0029,
  connectionClose: 0x000a_0032,
  connectionCloseOk: 0x000a_0033,
  connectionBlocked: 0x000a_003c,
  connectionUnblocked: 0x000a_003d,
  connectionUpdateSecret: 0x000a_0046,
  connectionUpdateSecretOk: 0x000a_0047,
  channelOpen: 0x0014_000a,
  channelOpenOk: 0x0014_000b,
  channelFlow: 0x0014_0014,
  channelFlowOk: 0x0014_0015,
  channelClose: 0x0014_0028,
  channelCloseOk: 0x0014_0029,
  accessRequest: 0x001e_000a,
  accessRequestOk: 0x001e_000b,
  exchangeDeclare: 0x0028_000a,
  exchangeDeclareOk: 0x0028_000b,
  exchangeDelete: 0x0028_0014,
  exchangeDeleteOk: 0x0028_0015,
  exchangeBind: 0x0028_001e,
  exchangeBindOk: 0x0028_001f,
  exchangeUnbind: 0x0028_0028,
  exchangeUnbindOk: 0x0028_0033,
  queueDeclare: 0x0032_000a,
  queueDeclareOk: 0x0032_000b,
  queueBind: 0x0032_0014,
  queueBindOk: 0x0032_0015,
  queuePurge: 0x0032_001e,
  queuePurgeOk: 0x0032_001f,
  queueDelete: 0x0032_0028,
  queueDeleteOk: 0x0032_0029,
  queueUnbind: 0x0032_0032,
  queueUnbindOk: 0x0032_0033,
  basicQos: 0x003c_000a,
  basicQosOk: 0x003c_000b,
  basicConsume: 0x003c_0014,
  basicConsumeOk: 0x003c_0015,
  basicCancel: 0x003c_001e,
  basicCancelOk: 0x003c_001f,
  basicPublish: 0x003c_0028,
  basicReturn: 0x003c_0032,
  basicDeliver: 0x003c_003c,
  basicGet: 0x003c_0046,
  basicGetOk: 0x003c_0047,
  basicGetEmpty: 0x003c_0048,
  basicAck: 0x003c_0050,
  basicReject: 0x003c_005a,
  basicRecoverAsync: 0x003c_0064,
  basicRecover: 0x003c_006e,
  basicRecoverOk: 0x003c_006f,
  basicNack: 0x003c_0078,
  confirmSelect: 0x0055_000a,
  confirmSelectOk: 0x0055_000b,
  txSelect: 0x005a_000a,
  txSelectOk: 0x005a_000b,
  txCommit: 0x005a_0014,
  txCommitOk: 0x005a_0015,
  txRollback: 0x005a_001e,
  txRollbackOk: 0x005a_001f,
} as const

export function classOf(method: number): number {
  return Math.floor(method / 0x1_0000)
}

export function methodOf(method: number): number {
  return method % 0x1_0000
}
