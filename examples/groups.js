// Items of a list, brought together by what they have in common.

/** The items that share a key: a Map from each key to the items that have it. */
function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    // TODO: put the item into its group
  }
  return groups;
}

/** How many items share a key: a Map from each key to a number. */
function countBy(items, keyOf) {
  const counts = new Map();
  for (const [key, group] of groupBy(items, keyOf)) {
    counts.set(key, group.length);
  }
  return counts;
}

module.exports = { groupBy, countBy };
