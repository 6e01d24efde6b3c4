// A time as PostgreSQL reads it, without a Date: days are counted in eras of 400 years, which all have 146,097 of them, from a first of
// March, so that leap days come last. http://howardhinnant.github.io/date_algorithms.html#civil_from_days

const dayMs = 86_400_000
const daysPerEra = 146_097

/** @param ms since 1970, from then on. @returns `2026-01-31T10:20:30.004Z` */
export function utcText(ms: number): string {
  const whole = Math.floor(ms)
  const days = Math.floor(whole / dayMs) + 719_468
  const era = Math.floor(days / daysPerEra)
  const dayOfEra = days - era * daysPerEra
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const rest = whole - Math.floor(whole / dayMs) * dayMs
  const two = (n: number, length = 2): string => String(Math.floor(n)).padStart(length, '0')
  const time = `${two(rest / 3_600_000)}:${two((rest / 60_000) % 60)}:${two((rest / 1000) % 60)}.${two(rest % 1000, 3)}`
  return `${two(year, 4)}-${two(month)}-${two(day)}T${time}Z`
}
