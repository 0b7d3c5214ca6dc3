// Stops a test run on a Node that Waybill does not support, with the cure, before it fails in a hundred strange ways.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const supported = (major === 22 && minor >= 18) || (major === 24 && minor >= 11) || major >= 26
if (!supported) {
  throw new Error(
    `Node ${process.versions.node} is not supported: Waybill needs 22.18+, 24.11+ or 26+. Run through npm (\`npm test\`), which uses the pinned Node.`,
  )
}
export {}
