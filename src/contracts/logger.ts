/** Each method takes one string, so `console`, pino, winston, Nest's and Fastify's loggers all fit. */
export interface Logger {
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/** What is printed: that level and everything more serious. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'
