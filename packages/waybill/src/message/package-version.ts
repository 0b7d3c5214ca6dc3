/** The version of this package, as in its package.json, which a bundled program does not have. */
export const PACKAGE_VERSION = '0.1.0'
