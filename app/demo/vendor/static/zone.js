// Shows times in the visitor's own zone. Without this they stand there in UTC, and say so.
const day = { day: "numeric", month: "long", year: "numeric" };
const minute = { ...day, hour: "2-digit", minute: "2-digit" };
const shown = { day: minute, last: minute, minute, second: { ...minute, second: "2-digit" } };
const say = (at, form) => at.toLocaleString("en-GB", form).replace(" at ", ", ");
const isMidnight = (at) => at.getHours() + at.getMinutes() + at.getSeconds() === 0;

for (const time of document.querySelectorAll("time[data-show]")) {
  const { show } = time.dataset;
  const at = new Date(time.dateTime);
  const isDay = (show === "day" || show === "last") && isMidnight(at);
  // What ends at midnight ends with the day before.
  if (isDay && show === "last") at.setDate(at.getDate() - 1);
  time.textContent = say(at, isDay ? day : shown[show]);
}

const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const words of document.querySelectorAll("[data-zone]")) {
  words.textContent = words.textContent.replace("UTC", `the zone of your browser, ${zone}`);
}
