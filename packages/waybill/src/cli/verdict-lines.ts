import type { Problem, RouteVerdict, SendVerdict, Verdicts } from '../verdict/route-verdict.ts'

/** A line for each handler, then one for each message sent; what is to be known of it stands indented under it. */
export function verdictLines({ engine, routes, sends }: Verdicts): readonly string[] {
  return [
    `on ${engine}:`,
    '',
    ...routes.flatMap(linesOf),
    ...(routes.length === 0 || sends.length === 0 ? [] : ['']),
    ...sends.flatMap(linesOf),
  ]
}

function linesOf({ statement, problems, notes }: RouteVerdict | SendVerdict): readonly string[] {
  return [statement, ...problems.flatMap(problemLines), ...notes.map((note) => `    ${note}`)]
}

function problemLines({ level, code, what, cure }: Problem): readonly string[] {
  return [`    ${level === 'refused' ? 'REFUSED' : 'warning'} ${code}: ${what}`, `      cure: ${cure}`]
}
