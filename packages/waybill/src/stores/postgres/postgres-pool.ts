// What is used of the driver `pg`, and of what is made like it.

export interface PostgresQuery {
  readonly text: string
  readonly values: unknown[]
  readonly name?: string
  /** In milliseconds; the driver's. */
  readonly query_timeout?: number
}

export interface PostgresResult {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly rowCount: number | null
  readonly command: string
}

export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>
  /** With an error, or `true`: it is not used again. */
  release(error?: Error | boolean): void
  on(event: 'error' | 'notification' | 'end', listener: (error: Error) => void): unknown
  removeListener(event: 'error' | 'notification' | 'end', listener: (error: Error) => void): unknown
}

/** A `pg.Pool`, or one made like it. @typeParam Client what its transactions are written with: `pg.PoolClient` */
export interface PostgresPool<Client> {
  readonly totalCount: number
  connect(): Promise<Client>
  // The driver's second form, so that `Client` is found in the first.
  connect(callback: (...args: never[]) => void): void
}
