/** Why a message left its queue for the dead-letter exchange; the texts are those of the `x-death` header. */
export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit'
