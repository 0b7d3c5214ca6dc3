// What is used of the driver `mysql2/promise`, and of what is made like it.

export interface MysqlQuery {
  readonly sql: string
  readonly values: unknown[]
  /** In milliseconds; the driver's. */
  readonly timeout?: number
  // What the pool may have been set to otherwise.
  readonly rowsAsArray: false
  readonly nestTables: false
  readonly namedPlaceholders: false
  readonly typeCast: true
}

export interface MysqlConnection {
  query(query: MysqlQuery): Promise<readonly [answer: unknown, fields: unknown]>
  release(): void
  destroy(): void
}

/** A pool of `mysql2/promise`. @typeParam Connection what its transactions are written with: `PoolConnection` */
export interface MysqlPool<Connection> {
  getConnection(): Promise<Connection>
}
