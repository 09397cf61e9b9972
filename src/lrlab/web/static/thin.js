// Fewer points that draw the same line, as the server leaves them out: of every column the first, last, lowest and highest.

/** Indices that stay, ascending; at most about `points` and those without a value. All of them where there are no more. */
export function thin(x, y, points) {
  const all = x.map((_, k) => k);
  if (x.length <= points) return all;
  const finest = (x.at(-1) - x[0]) / (points / 4 - 1);
  const width = finest > 0 ? 2 ** Math.ceil(Math.log2(finest)) : 1;
  const kept = new Set();
  let column = null;
  let own = [];
  const close = () => {
    if (!own.length) return;
    let [low, high] = [own[0], own[0]];
    for (const k of own) {
      if (y[k] < y[low]) low = k;
      if (y[k] >= y[high]) high = k;
    }
    for (const k of [own[0], low, high, own.at(-1)]) kept.add(k);
  };
  for (const k of all) {
    if (y[k] === null) {
      kept.add(k);
      continue;
    }
    const place = Math.floor(x[k] / width);
    if (place !== column) {
      close();
      [column, own] = [place, []];
    }
    own.push(k);
  }
  close();
  return all.filter((k) => kept.has(k));
}
