// Where Apache Kafka's programs come from: Maven Central, through `mvn`, into its own repository of jars. What it resolved
// is kept in the user's cache folder, so that only the first start of a version asks.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

/** What Waybill is tested with. */
export const KAFKA_VERSION = '4.3.0'
const LOG4J_VERSION = '2.24.3'
/** Kafka asks for an older one, which log4j-slf4j2-impl does not fit. */
const SLF4J_VERSION = '2.0.16'
/** The first time, some 60 MB are fetched. */
const RESOLVE_DEADLINE_MS = 600_000

/** Whether Java and Maven are on the PATH; neither is asked for its version. */
export function canRunKafka(): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return ['java', 'mvn'].every((program) => folders.some((folder) => existsSync(join(folder, program))))
}

/**
 * The class path of a broker of the version that WAYBILL_KAFKA_VERSION names, or {@link KAFKA_VERSION}. Rejects with what
 * Maven said when it cannot be had.
 */
export async function kafkaClassPath(): Promise<string> {
  const version = process.env['WAYBILL_KAFKA_VERSION'] ?? KAFKA_VERSION
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'waybill', `kafka-${version}`)
  const file = join(folder, 'class-path.txt')
  const known = existsSync(file) ? await readFile(file, 'utf8') : ''
  // Somebody may have emptied Maven's repository since.
  if (known !== '' && known.split(delimiter).every((jar) => existsSync(jar))) return known
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'pom.xml'), pom(version))
  // Two processes that resolve at once write the same.
  const goal = ['-B', '-q', 'dependency:build-classpath', `-Dmdep.outputFile=${file}`]
  await promisify(execFile)('mvn', goal, { cwd: folder, timeout: RESOLVE_DEADLINE_MS })
  return await readFile(file, 'utf8')
}

function pom(version: string): string {
  const dependency = (group: string, artifact: string, of: string): string =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${of}</version></dependency>`
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>waybill</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ${dependency('org.apache.kafka', 'kafka_2.13', version)}
    ${dependency('org.apache.logging.log4j', 'log4j-slf4j2-impl', LOG4J_VERSION)}
    ${dependency('org.slf4j', 'slf4j-api', SLF4J_VERSION)}
  </dependencies>
</project>
`
}
