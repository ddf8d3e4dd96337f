// Numbers and times as text. What is not known is a dash, never a zero.

export const DASH = "–";

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const COUNT = new Intl.NumberFormat();

/** A share in thousandths as percent: 0.4, 7.3, 100. */
export function percent(thousandths) {
  if (!Number.isFinite(thousandths)) return DASH;
  return thousandths >= 1000 ? "100" : (thousandths / 10).toFixed(1);
}

/** A share from 0 to 1 as percent. */
export const percentOf = (share) => percent(share === undefined ? NaN : share * 1000);

/** A number with two decimals. */
export const decimal = (value) => (Number.isFinite(value) ? value.toFixed(2) : DASH);

/** A whole number with separators. */
export const count = (value) => (Number.isFinite(value) ? COUNT.format(Math.round(value)) : DASH);

/** The time of day of a moment in milliseconds. */
export const time = (ms) => TIME.format(ms);

/** The time of day, with the day when that is not the day of `now`. */
export function moment(ms, now) {
  const sameDay = new Date(ms).toDateString() === new Date(now).toDateString();
  return sameDay ? time(ms) : `${DAY.format(ms)}, ${time(ms)}`;
}

/** A span in seconds, in its two largest units: 12 s, 3 min 20 s, 5 h 10 min. */
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}
