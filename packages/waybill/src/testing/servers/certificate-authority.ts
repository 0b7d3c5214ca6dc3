import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Long enough for a test, too short to be of use to anybody who finds it. */
const VALID_DAYS = '2'
/** OpenSSL 3, on the PATH. */
const PROGRAM = 'openssl'

export interface Issued {
  /** PEM, as `tls.cert` and `tls.key` take them. */
  readonly certificate: string
  readonly key: string
  readonly certificateFile: string
  readonly keyFile: string
}

/** A certificate authority for one test: `openssl` in a folder that the test removes. */
export class CertificateAuthority {
  readonly #folder: string
  /** PEM, as `tls.ca` takes it. */
  readonly certificate: string
  readonly certificateFile: string

  private constructor(folder: string, certificate: string, certificateFile: string) {
    this.#folder = folder
    this.certificate = certificate
    this.certificateFile = certificateFile
  }

  static async create(folder: string, name: string): Promise<CertificateAuthority> {
    // Without it, openssl adds extensions by the machine's configuration.
    await writeFile(join(folder, 'openssl.cnf'), '[req]\ndistinguished_name = dn\n[dn]\n')
    const use = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign']
    const { certificate, certificateFile } = await request(folder, name, use, ['-noenc'])
    return new CertificateAuthority(folder, certificate, certificateFile)
  }

  /** For a server at these hosts: `DNS:localhost`, `IP:127.0.0.1`. */
  forServer(name: string, hosts: readonly string[]): Promise<Issued> {
    const use = ['extendedKeyUsage=serverAuth', `subjectAltName=${hosts.join(',')}`]
    return request(this.#folder, name, use, ['-noenc', ...this.#signing()])
  }

  /** For a client; its key is encrypted. */
  forClient(name: string, passphrase: string): Promise<Issued> {
    const use = ['extendedKeyUsage=clientAuth']
    return request(this.#folder, name, use, ['-passout', `pass:${passphrase}`, ...this.#signing()])
  }

  #signing(): readonly string[] {
    return ['-CA', this.certificateFile, '-CAkey', this.certificateFile.replace(/\.pem$/, '.key')]
  }
}

/** A key and its certificate, in `<name>.key` and `<name>.pem`. */
async function request(
  folder: string,
  name: string,
  extensions: readonly string[],
  more: readonly string[],
): Promise<Issued> {
  const [certificateFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  const child = spawn(
    PROGRAM,
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-config',
      join(folder, 'openssl.cnf'),
      '-days',
      VALID_DAYS,
      '-subj',
      `/CN=${name}`,
      '-keyout',
      keyFile,
      '-out',
      certificateFile,
      ...extensions.flatMap((extension) => ['-addext', extension]),
      ...more,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${PROGRAM} made no certificate for ${name}:\n${said}`)
  return {
    certificate: await readFile(certificateFile, 'utf8'),
    key: await readFile(keyFile, 'utf8'),
    certificateFile,
    keyFile,
  }
}
