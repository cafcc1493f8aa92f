// A melody to click: rows are pitches, columns eighth notes; one note at a time. The value is JSON: [column, length, pitch].
const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"], SCALE = [0, 2, 4, 5, 7, 9, 11];
const LOW = 60, HIGH = 81, box = element.querySelector(".grid"), live = element.querySelector(".live");
let notes = JSON.parse(props.value || "[]"), columns = 32, chromatic = false, length = 2, at = [0, 67], sound;
const pitches = () => [...Array(HIGH - LOW + 1).keys()].map(i => HIGH - i).filter(p => chromatic || SCALE.includes(p % 12));
const name = pitch => NAMES[pitch % 12] + (Math.floor(pitch / 12) - 1);
const over = (column, pitch) => notes.find(n => n[0] <= column && column < n[0] + n[1] && (pitch === undefined || n[2] === pitch));
function hear(pitch) {
  sound ||= new AudioContext();
  const tone = sound.createOscillator(), gain = sound.createGain(), now = sound.currentTime;
  tone.type = "triangle";
  tone.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
  gain.gain.setValueAtTime(0.15, now);
  gain.gain.exponentialRampToValueAtTime(0.001, now + 0.4);
  tone.connect(gain).connect(sound.destination);
  tone.start();
  tone.stop(now + 0.4);
}
function draw() {
  const rows = pitches();
  box.style.gridTemplateColumns = `2.2em repeat(${columns}, minmax(11px, 1fr))`;
  box.setAttribute("aria-rowcount", rows.length);
  box.innerHTML = rows.map(pitch => `<div role="row"><span role="rowheader">${name(pitch)}</span>` +
    [...Array(columns).keys()].map(column => {
      const note = over(column, pitch), begins = note && note[0] === column;
      const kind = (note ? begins ? "on first" : "on" : "") + (column % 8 === 0 ? " bar" : column % 2 === 0 ? " beat" : "");
      const says = `${name(pitch)}, bar ${1 + Math.floor(column / 8)}, beat ${1 + (column % 8) / 2}${note ? ", a note" : ""}`;
      return `<button role="gridcell" type="button" class="${kind}" data-at="${column},${pitch}" tabindex="-1"` +
        ` aria-label="${says}" aria-selected="${!!note}"></button>`;
    }).join("") + "</div>").join("");
  cell().tabIndex = 0;
}
const cell = () => box.querySelector(`[data-at="${at}"]`) || box.querySelector("button");
function change(column, pitch) {
  const old = over(column, pitch);
  if (old) notes = notes.filter(n => n !== old);
  else {
    const size = Math.min(length, columns - column);
    notes = notes.flatMap(n => {  // a new note cuts what sounds where it begins, and replaces what begins within it
      if (n[0] < column && n[0] + n[1] > column) return [[n[0], column - n[0], n[2]]];
      return n[0] >= column && n[0] < column + size ? [] : [n];
    });
    notes.push([column, size, pitch]);
    notes.sort((a, b) => a[0] - b[0]);
    hear(pitch);
  }
  live.textContent = `${name(pitch)} ${old ? "removed" : "added"}, ${notes.length} notes`;
  save();
}
function save() {
  draw();
  props.value = JSON.stringify(notes);
}
box.onclick = event => {
  if (!event.target.dataset.at) return;
  at = event.target.dataset.at.split(",").map(Number);
  change(...at);
  cell().focus({ preventScroll: true });
};
box.onkeydown = event => {
  const rows = pitches(), row = rows.indexOf(at[1]);
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step) return;
  event.preventDefault();
  cell().tabIndex = -1;
  at = [Math.min(Math.max(at[0] + step[0], 0), columns - 1), rows[Math.min(Math.max(row + step[1], 0), rows.length - 1)]];
  cell().tabIndex = 0;
  cell().focus();
};
element.querySelector(".length").onchange = event => { length = +event.target.value; };
element.querySelector(".columns").onchange = event => {
  columns = +event.target.value;
  notes = notes.filter(n => n[0] < columns).map(([c, size, p]) => [c, Math.min(size, columns - c), p]);
  at[0] = Math.min(at[0], columns - 1);
  save();
};
element.querySelector(".chromatic").onchange = event => {
  chromatic = event.target.checked;
  if (!chromatic) {
    notes = notes.filter(n => SCALE.includes(n[2] % 12));
    at[1] = SCALE.includes(at[1] % 12) ? at[1] : at[1] - 1;
  }
  save();
};
element.querySelector(".clear").onclick = () => { notes = []; save(); };
draw();
