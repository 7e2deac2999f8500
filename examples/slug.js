// Titles as the short names that web addresses use.

const ACCENTS = /[\u0300-\u036f]/g;

/** "Crème Brûlée, twice!" -> "creme-brulee-twice" */
function slug(title) {
  return title
    .normalize("NFD")
    .replace(ACCENTS, "")
    .toLowerCase()
    // TODO: whatever is no letter and no digit becomes a hyphen
    .replace(/^-|-$/g, "");
}

/** A slug that is not taken yet: "tea", then "tea-2", "tea-3" and so on. */
function freeSlug(title, taken) {
  const base = slug(title);
  let name = base;
  for (let count = 2; taken.has(name); count += 1) {
    name = `${base}-${count}`;
  }
  return name;
}

module.exports = { slug, freeSlug };
