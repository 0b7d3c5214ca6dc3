export interface KafkaOptions extends KafkaLinkOptions {
  /** `kafka://[user:password@]host:9092[,host:9092…][?tls=true&sasl=scram-sha-512]`. Give this or `brokers`. */
  readonly url?: string
  /** `host:port` of some brokers of one cluster; the rest is learned from them. Without a port: 9092. */
  readonly brokers?: readonly string[]
}

/** How to speak to a cluster, wherever it is. */
export interface KafkaLinkOptions {
  /** `true`: TLS as the machine trusts. The server's certificate is always checked, unless `rejectUnauthorized` is false. */
  readonly tls?: boolean | KafkaTlsOptions
  readonly sasl?: KafkaSaslOptions
  /** What the broker's logs and quotas call this client. Default: `waybill`. */
  readonly clientId?: string
  /** How long one broker may take to accept and to shake hands. Default: 10,000. */
  readonly connectTimeoutMs?: number
  /** A broker that has not answered for so long is given up, and the link taken up anew. Default: 20,000. */
  readonly silenceMs?: number
  /** Copies of each topic that is made here. Default: the cluster's `default.replication.factor`. */
  readonly replicationFactor?: number
}

export interface KafkaSaslOptions {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly username: string
  readonly password: string
}

/** As in `node:tls`. */
export interface KafkaTlsOptions {
  readonly ca?: string | Buffer | (string | Buffer)[]
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly passphrase?: string
  /** The name to expect in the certificate. Default: the host of each broker. */
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}
