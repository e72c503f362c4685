"use strict";
// Draws the weights of a network. `manifest` says what there is; numbers stand in the page as zlib streams in base64,
// and each of these is unpacked when it is shown for the first time.
(() => {
  const manifest = JSON.parse(document.getElementById("manifest").textContent);
  const NONE = -128;

  const unpacked = new Map();
  function unpack(id, Type) {
    if (!unpacked.has(id)) {
      const packed = Uint8Array.from(atob(document.getElementById(id).textContent), c => c.charCodeAt(0));
      const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
      unpacked.set(id, new Response(stream).arrayBuffer().then(buffer => new Type(buffer)));
    }
    return unpacked.get(id);
  }

  // Colours: those of the scheme, and always the light ones on paper.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let onPaper = false;
  const palette = () => manifest.palettes[dark.matches && !onPaper ? "dark" : "light"];

  /** The colour of a share from -1 to 1. */
  function diverging(colors, share) {
    const end = share < 0 ? colors.low : colors.high;
    const part = Math.min(1, Math.abs(share)) ** 0.8;
    return colors.middle.map((c, at) => Math.round(c + part * (end[at] - c)));
  }

  /** The colour of a share from 0 to 1. */
  function heat(colors, share) {
    const at = Math.max(0, Math.min(1, share)) * (colors.heat.length - 1);
    const first = Math.min(Math.floor(at), colors.heat.length - 2);
    const next = colors.heat[first + 1];
    return colors.heat[first].map((c, channel) => Math.round(c + (at - first) * (next[channel] - c)));
  }

  const css = color => `rgb(${color.join(" ")})`;
  const square = at => "abcdefgh"[at % 8] + (1 + (at >> 3));

  const scratch = document.createElement("canvas");

  /** Cells by rows from the top, each `width` x `height` large. */
  function drawCells(context, x, y, columns, rows, width, height, color) {
    scratch.width = columns;
    scratch.height = rows;
    const to = scratch.getContext("2d");
    const image = to.createImageData(columns, rows);
    for (let at = 0; at < columns * rows; at++) {
      const [red, green, blue] = color(at % columns, Math.floor(at / columns));
      image.data.set([red, green, blue, 255], 4 * at);
    }
    to.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(scratch, x, y, columns * width, rows * height);
  }

  /** A board of 64 values from a1; those that are null have no feature. */
  function drawBoard(context, x, y, size, values, scale) {
    const colors = palette();
    drawCells(context, x, y, 8, 8, size, size, (column, row) => {
      const value = values[8 * (7 - row) + column];
      return value === null ? colors.none : diverging(colors, scale > 0 ? value / scale : 0);
    });
  }

  function prepare(canvas, width, height) {
    const ratio = window.devicePixelRatio || 1;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
    const context = canvas.getContext("2d");
    context.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
    context.fillStyle = css(palette().card);
    context.fillRect(0, 0, width, height);
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "top";
    context.fillStyle = css(palette().text);
    return context;
  }

  function element(parent, name, attributes = {}, text = "") {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    parent.append(made);
    return made;
  }

  function control(parent, label, made) {
    const line = element(parent, "label", {}, label);
    line.append(made);
    return made;
  }

  function choice(parent, label, options, changed) {
    const select = document.createElement("select");
    options.forEach((text, value) => element(select, "option", { value }, text));
    select.addEventListener("change", changed);
    control(parent, label, select);
    if (options.length < 2) select.parentElement.hidden = true;
    return select;
  }

  /** A slider over `names`; the first is what it begins with. */
  function slider(parent, label, names, changed) {
    const range = document.createElement("input");
    Object.assign(range, { type: "range", min: 0, max: names.length - 1, value: 0 });
    control(parent, label, range);
    const shown = element(range.parentElement, "output", {}, names[0]);
    range.addEventListener("input", () => {
      shown.textContent = names[range.value];
      changed();
    });
    if (names.length < 2) range.parentElement.hidden = true;
    return range;
  }

  const kingNames = kings => ["all squares (mean)", ...kings.map(square)];
  const number = (value, digits = 1) => value.toLocaleString("en", { maximumFractionDigits: digits });

  function watchPointer(canvas, out, describe) {
    const idle = out.textContent;
    const told = event => {
      const box = canvas.getBoundingClientRect();
      out.textContent = describe(event.clientX - box.left, event.clientY - box.top) || idle;
    };
    canvas.addEventListener("pointermove", told);
    canvas.addEventListener("pointerdown", told);
    canvas.addEventListener("pointerleave", () => { out.textContent = idle; });
  }

  /** Boards in two rows, own pieces above the opponent's; the others in rows of `across`. */
  function places(set, across) {
    const codes = set.codes;
    if (set.pairs || across < 6) {
      return codes.map((_, at) => [at % Math.min(across, 4), Math.floor(at / Math.min(across, 4))]);
    }
    return codes.map(code => [code >> 1, code & 1]);
  }

  const extent = all => [1 + Math.max(...all.map(p => p[0])), 1 + Math.max(...all.map(p => p[1]))];

  // Input weights.
  function inputs(view) {
    const data = manifest.inputs;
    const byKing = data.by_king;
    const state = { page: 0, chosen: null, token: 0, tiles: [] };
    const controls = element(view, "p", { class: "controls" });
    const draw = () => show();
    const again = () => { state.page = 0; draw(); };
    const set = choice(controls, "Features", data.sets.map(it => it.name), again);
    const order = choice(controls, "Sorted", ["as in the file, blocks of four framed", "by norm, the greatest first",
      ...(data.zero_rates ? ["by zero rate, the highest first"] : [])], again);
    if (byKing) set.value = byKing.set;
    if (data.by_norm) order.value = "1";
    const scale = choice(controls, "Colours", ["each neuron's own scale", "one scale for all"], draw);
    const king = slider(controls, "Own king on", kingNames(byKing ? byKing.kings : []), draw);
    const pager = element(view, "p", { class: "controls" });
    const back = element(pager, "button", { type: "button" }, "←");
    const where = element(pager, "span");
    const next = element(pager, "button", { type: "button" }, "→");
    back.setAttribute("aria-label", "previous neurons");
    next.setAttribute("aria-label", "next neurons");
    const canvas = element(view, "canvas", { role: "img", "aria-label": "Input weights of neurons as boards" });
    const detail = element(view, "div", { class: "detail" });
    const title = element(detail, "h3");
    const large = element(detail, "canvas", { role: "img", "aria-label": "Input weights of one neuron as boards" });
    const readout = element(detail, "p", { class: "readout" }, "Point at a square for its weight.");

    const orders = [
      [...Array(data.neurons).keys()],
      [...data.norms.keys()].sort((a, b) => data.norms[b] - data.norms[a]),
      ...(data.zero_rates ? [[...data.norms.keys()].sort((a, b) => data.zero_rates[b] - data.zero_rates[a])] : []),
    ];
    const kingPlace = new Map(byKing ? byKing.columns.map((column, at) => [column, at]) : []);

    /** Values of a column by board, or null where the page has none. */
    async function boards(column, at, kingAt) {
      const shown = data.sets[at];
      const all = Array(64 * shown.codes.length).fill(null);
      let from, base, step;
      if (kingAt > 0 && byKing.set === at) {
        if (!kingPlace.has(column)) return null;
        const place = kingPlace.get(column);
        from = await unpack(byKing.chunks[Math.floor(place / byKing.columns_a_chunk)], Int8Array);
        base = ((place % byKing.columns_a_chunk) * byKing.kings.length + kingAt - 1) * all.length;
        step = byKing.scales[place] / 127;
      } else {
        from = await unpack(shown.data, Int8Array);
        base = column * all.length;
        step = shown.scales[column] / 127;
      }
      for (let cell = 0; cell < all.length; cell++) {
        if (from[base + cell] !== NONE) all[cell] = from[base + cell] * step;
      }
      return all;
    }

    const columnsOf = neuron => data.l1 > data.neurons ? [neuron, neuron + data.neurons] : [neuron];

    /** Tiles as large as they can be without fewer groups in a row. */
    function layout(width, framed) {
      const shown = places(data.sets[set.value], 6);
      const [across, down] = extent(shown);
      const plan = (cell, perRow) => {
        const board = 8 * cell + 2;
        const height = columnsOf(0).length * (down * board + 1) - 3;
        const tile = { width: across * board - 2, height, board, cell, down };
        const frame = framed ? 6 : 0;
        const group = {
          width: perRow * (tile.width + 6) - 6 + 2 * frame,
          height: Math.ceil((framed ? 4 : 1) / perRow) * (tile.height + 16) + 2 * frame,
        };
        const groups = Math.floor((width + 10) / (group.width + 10));
        return { shown, tile, frame, perRow, group, groups };
      };
      const plans = perRow => {
        const least = plan(2, perRow);
        const larger = framed ? [4, 3].map(cell => plan(cell, perRow)) : [];
        return larger.find(it => it.groups > 0 && it.groups === least.groups) || least;
      };
      const choices = framed ? [plans(4), plans(2)] : [plans(1)];
      const found = choices.find(it => it.groups > 0) || choices[choices.length - 1];
      return { ...found, groups: Math.max(1, found.groups) };
    }

    async function show() {
      const token = ++state.token;
      const kingAt = Number(king.value), at = Number(set.value);
      const framed = order.value === "0";
      const neurons = orders[order.value];
      const perPage = 64, pages = Math.ceil(neurons.length / perPage);
      state.page = Math.max(0, Math.min(pages - 1, state.page));
      const page = neurons.slice(state.page * perPage, (state.page + 1) * perPage);
      if (!page.includes(state.chosen)) state.chosen = page[0];
      const values = new Map();
      for (const neuron of page) {
        values.set(neuron, await Promise.all(columnsOf(neuron).map(column => boards(column, at, kingAt))));
      }
      const details = await Promise.all(data.sets.map((_, other) =>
        Promise.all(columnsOf(state.chosen).map(column => boards(column, other, kingAt)))));
      if (token !== state.token) return;
      state.paint = () => { paintTiles(page, values, framed); paintDetail(details); };
      state.paint();
      where.textContent = framed
        ? `Neurons ${page[0]} to ${page[page.length - 1]} of ${neurons.length}`
        : `${state.page * perPage + 1} to ${state.page * perPage + page.length} of ${neurons.length}`;
      back.disabled = state.page === 0;
      next.disabled = state.page === pages - 1;
      pager.hidden = pages < 2;
    }

    const greatest = all => (all || []).reduce((most, value) => Math.max(most, Math.abs(value ?? 0)), 0);

    function paintTiles(page, values, framed) {
      const width = view.clientWidth || 300;
      const plan = layout(width, framed);
      const { tile, group } = plan;
      const size = framed ? 4 : 1;
      const rows = Math.ceil(page.length / size / plan.groups);
      const context = prepare(canvas, width, rows * (group.height + 8));
      const colors = palette();
      const common = Math.max(...[...values.values()].flat().map(greatest));
      state.tiles = [];
      page.forEach((neuron, place) => {
        const inGroup = place % size, groupAt = Math.floor(place / size);
        const gx = (groupAt % plan.groups) * (group.width + 10);
        const gy = Math.floor(groupAt / plan.groups) * (group.height + 8);
        if (framed && inGroup === 0) {
          context.strokeStyle = css(colors.frame);
          context.strokeRect(gx + 0.5, gy + 0.5, group.width - 1, group.height - 1);
        }
        const x = gx + plan.frame + (inGroup % plan.perRow) * (tile.width + 6);
        const y = gy + plan.frame + Math.floor(inGroup / plan.perRow) * (tile.height + 16);
        context.fillStyle = css(neuron === state.chosen ? colors.accent : colors.text);
        const rate = data.zero_rates ? ` · ${number(100 * data.zero_rates[neuron], 0)} %` : "";
        context.fillText(`${neuron}${rate}`, x, y);
        const own = Math.max(...values.get(neuron).map(greatest));
        values.get(neuron).forEach((all, half) => plan.shown.forEach(([column, row], board) => {
          const bx = x + column * tile.board;
          const by = y + 13 + half * (plan.tile.down * tile.board + 1) + row * tile.board;
          const part = all ? all.slice(64 * board, 64 * board + 64) : Array(64).fill(null);
          drawBoard(context, bx, by, tile.cell, part, scale.value === "0" ? own : common);
        }));
        state.tiles.push({ neuron, x, y, width: tile.width, height: tile.height + 14 });
      });
    }

    function paintDetail(details) {
      const neuron = state.chosen;
      const width = detail.clientWidth || 300;
      const across = width >= 620 ? 6 : width >= 300 ? 3 : 2;
      const board = Math.min(132, Math.floor((width - 8 * (across - 1)) / across));
      const cell = Math.floor(board / 8);
      const spots = [];
      let height = 0;
      details.forEach((halves, at) => halves.forEach((all, half) => {
        const set = data.sets[at];
        const name = halves.length > 1 ? `${set.name}, column ${columnsOf(neuron)[half]}` : set.name;
        spots.push({ heading: name, y: height });
        height += 20;
        const shown = places(set, across);
        const [, down] = extent(shown);
        shown.forEach(([column, row], number) => spots.push({
          set, all, number, x: column * (8 * cell + 8), y: height + row * (8 * cell + 24),
        }));
        height += down * (8 * cell + 24) + 6;
      }));
      const context = prepare(large, width, height);
      const scales = details.map(halves => Math.max(...halves.map(greatest)));
      for (const spot of spots) {
        context.fillStyle = css(palette().text);
        if (spot.heading) {
          context.font = "600 12px system-ui, sans-serif";
          context.fillText(spot.heading, 0, spot.y);
          context.font = "11px system-ui, sans-serif";
          continue;
        }
        context.fillText(shorten(context, spot.set.boards[spot.number], 8 * cell + 6), spot.x, spot.y);
        const part = spot.all ? spot.all.slice(64 * spot.number, 64 * spot.number + 64) : Array(64).fill(null);
        drawBoard(context, spot.x, spot.y + 15, cell, part, scales[data.sets.indexOf(spot.set)]);
      }
      state.spots = spots.filter(spot => !spot.heading);
      state.cell = cell;
      const parts = [`bias ${columnsOf(neuron).map(column => data.biases[column]).join(" and ")}`,
        `norm ${number(data.norms[neuron])}`];
      if (data.zero_rates) parts.push(`zero in ${number(100 * data.zero_rates[neuron], 1)} % of the samples`);
      title.textContent = `Neuron ${neuron}, block ${Math.floor(neuron / 4)}: ${parts.join(", ")}`;
    }

    watchPointer(large, readout, (x, y) => {
      const span = 8 * state.cell;
      const spot = (state.spots || []).find(it =>
        x >= it.x && x < it.x + span && y >= it.y + 15 && y < it.y + 15 + span);
      if (!spot) return "";
      const at = 8 * (7 - Math.floor((y - spot.y - 15) / state.cell)) + Math.floor((x - spot.x) / state.cell);
      const value = spot.all ? spot.all[64 * spot.number + at] : undefined;
      const name = `${spot.set.boards[spot.number]}, ${square(at)}`;
      if (value === undefined) return `${name}: not in this page`;
      return value === null ? `${name}: no legal position` : `${name}: ${number(value)}`;
    });
    canvas.addEventListener("click", event => {
      const box = canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      const hit = state.tiles.find(it => x >= it.x && x < it.x + it.width && y >= it.y && y < it.y + it.height);
      if (hit) { state.chosen = hit.neuron; draw(); }
    });
    back.addEventListener("click", () => { state.page -= 1; draw(); });
    next.addEventListener("click", () => { state.page += 1; draw(); });
    return { draw, paint: () => state.paint && state.paint() };
  }

  function shorten(context, text, width) {
    while (text.length > 3 && context.measureText(text).width > width) text = text.slice(0, -2) + "…";
    return text.replace(/…+$/, "…");
  }

  // A matrix, in strips of as many columns as there is room for. `read` gives a value and says it in words.
  function matrix(view, plan) {
    const canvas = element(view, "canvas", { role: "img", "aria-label": plan.label });
    const readout = element(view, "p", { class: "readout" }, plan.idle);
    let shape = null;
    function paint() {
      const width = view.clientWidth || 300;
      const left = plan.margin;
      const room = width - left;
      const cell = Math.max(2, Math.min(14, Math.floor(room / plan.columns)));
      const step = plan.columns > 64 ? 32 : 8;
      let across = Math.floor(room / cell);
      if (across < plan.columns && across > step) across -= across % step;
      across = Math.min(across, plan.columns);
      const high = plan.high || (plan.rows > 24 ? 6 : Math.max(6, Math.min(12, cell)));
      const strips = Math.ceil(plan.columns / across);
      const tall = plan.rows * high + 18;
      const context = prepare(canvas, width, strips * tall);
      for (let strip = 0; strip < strips; strip++) {
        const first = strip * across, count = Math.min(across, plan.columns - first);
        context.fillStyle = css(palette().text);
        context.fillText(plan.heading(first, first + count - 1), left, strip * tall);
        drawCells(context, left, strip * tall + 14, count, plan.rows, cell, high,
          (column, row) => plan.color(row, first + column));
        if (plan.rowName) {
          context.fillStyle = css(palette().text);
          context.textAlign = "right";
          for (let row = 0; row < plan.rows; row += Math.ceil(11 / high)) {
            context.fillText(plan.rowName(row), left - 5, strip * tall + 14 + row * high + high / 2 - 5);
          }
          context.textAlign = "left";
        }
      }
      shape = { left, cell, high, across, tall };
    }
    watchPointer(canvas, readout, (x, y) => {
      if (!shape || x < shape.left) return "";
      const strip = Math.floor(y / shape.tall);
      const row = Math.floor((y - strip * shape.tall - 14) / shape.high);
      const inStrip = Math.floor((x - shape.left) / shape.cell);
      const column = strip * shape.across + inStrip;
      if (row < 0 || row >= plan.rows || inStrip >= shape.across || column >= plan.columns) return "";
      return plan.tell(row, column);
    });
    return paint;
  }

  // A fully connected layer of a bucket: weights by output (rows) and input (columns), biases below.
  function layer(view) {
    const found = manifest.layers[view.dataset.bucket][view.dataset.layer];
    let made = null, paint = null, paintBiases = null;
    async function make() {
      const weights = await unpack(found.data, Int8Array);
      const most = weights.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const bias = found.biases.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const half = found.inputs / 2;
      const input = column => found.perspectives
        ? `${column < half ? "own" : "opponent's"} neuron ${column % half}` : `input ${column}`;
      const sizes = `${found.inputs} inputs × ${found.outputs} outputs`;
      element(view, "h4", {}, `Weights, ${sizes}, colours from −${most} to ${most}`);
      paint = matrix(view, {
        rows: found.outputs, columns: found.inputs, margin: 26,
        label: `Weights of the ${found.name}`, idle: "Point at a weight for its value.",
        heading: (first, last) => first === last ? input(first) : `${input(first)} to ${input(last)}`,
        rowName: row => String(row),
        color: (row, column) => diverging(palette(), weights[row * found.inputs + column] / (most || 1)),
        tell: (row, column) => `${input(column)} → output ${row}: ${weights[row * found.inputs + column]}`,
      });
      element(view, "h4", {}, `Biases, colours from −${number(bias, 0)} to ${number(bias, 0)}`);
      paintBiases = matrix(view, {
        rows: 1, columns: found.outputs, margin: 26, label: `Biases of the ${found.name}`,
        idle: "Point at a bias for its value.",
        heading: (first, last) => first === last ? `output ${first}` : `outputs ${first} to ${last}`,
        color: (_, column) => diverging(palette(), found.biases[column] / (bias || 1)),
        tell: (_, column) => `output ${column}: ${number(found.biases[column], 0)}`,
      });
    }
    const draw = () => (made ??= make()).then(both);
    const both = () => { if (paint) { paint(); paintBiases(); } };
    return { draw, paint: both };
  }

  // PSQT by piece and square.
  function psqt(view) {
    const data = manifest.psqt;
    const state = { token: 0 };
    const draw = () => show();
    const controls = element(view, "p", { class: "controls" });
    const set = choice(controls, "Features", data.sets.map(it => it.name), draw);
    const names = [...Array(data.buckets).keys()].map(bucket => `bucket ${bucket}`);
    const bucket = slider(controls, "Bucket", names, draw);
    const king = slider(controls, "Own king on", kingNames(data.kings), draw);
    const canvas = element(view, "canvas", { role: "img", "aria-label": "PSQT by piece and square" });
    const readout = element(view, "p", { class: "readout" }, "Point at a square for its value.");
    async function show() {
      const token = ++state.token;
      const shown = data.sets[set.value];
      const cells = 64 * shown.codes.length;
      const ofKing = Number(king.value) > 0 && shown.by_king;
      const from = await unpack(ofKing ? shown.by_king : shown.mean, Float32Array);
      if (token !== state.token) return;
      const first = ((ofKing ? Number(king.value) - 1 : 0) * data.buckets + Number(bucket.value)) * cells;
      state.values = Array.from(from.subarray(first, first + cells), value => Number.isNaN(value) ? null : value);
      state.shown = shown;
      paint();
    }
    function paint() {
      if (!state.values) return;
      const width = view.clientWidth || 300;
      const across = width >= 820 ? 4 : width >= 520 ? 3 : 2;
      const cell = Math.min(34, Math.floor((width - 10 * (across - 1)) / across / 8));
      const boards = state.shown.boards;
      const context = prepare(canvas, width, Math.ceil(boards.length / across) * (8 * cell + 28));
      state.spots = [];
      boards.forEach((name, at) => {
        const x = (at % across) * (8 * cell + 10), y = Math.floor(at / across) * (8 * cell + 28);
        const values = state.values.slice(64 * at, 64 * at + 64);
        const there = values.filter(value => value !== null);
        const mean = there.reduce((sum, value) => sum + value, 0) / Math.max(1, there.length);
        const above = values.map(value => value === null ? null : value - mean);
        const most = above.reduce((most, value) => Math.max(most, Math.abs(value ?? 0)), 0);
        context.fillStyle = css(palette().text);
        context.font = "12px system-ui, sans-serif";
        const short = across > 2 ? name : name.replace("opponent's", "opp.");
        context.fillText(shorten(context, `${short}, mean ${number(mean, 0)}`, 8 * cell + 8), x, y);
        drawBoard(context, x, y + 17, cell, above, most);
        if (cell >= 24) {
          const digits = Math.max(...there.map(value => String(Math.round(value)).length));
          context.font = `${digits > 4 ? 9 : digits > 3 ? 10 : 11}px system-ui, sans-serif`;
          context.textAlign = "center";
          values.forEach((value, at) => {
            if (value === null) return;
            context.fillStyle = css(Math.abs(above[at]) > 0.55 * most ? palette().on_ends : palette().on_middle);
            const row = 7 - (at >> 3);
            context.fillText(String(Math.round(value) || 0), x + (at % 8 + 0.5) * cell, y + 12 + (row + 0.5) * cell);
          });
          context.textAlign = "left";
        }
        state.spots.push({ name, values, x, y: y + 17, cell });
      });
    }
    watchPointer(canvas, readout, (x, y) => {
      const spot = (state.spots || []).find(it =>
        x >= it.x && x < it.x + 8 * it.cell && y >= it.y && y < it.y + 8 * it.cell);
      if (!spot) return "";
      const at = 8 * (7 - Math.floor((y - spot.y) / spot.cell)) + Math.floor((x - spot.x) / spot.cell);
      const value = spot.values[at];
      const text = value === null ? "no legal position" : `${number(value, 2)} engine units`;
      return `${spot.name}, ${square(at)}: ${text}`;
    });
    return { draw, paint };
  }

  // Zero rates by bucket (rows) and neuron or block (columns).
  function zeros(view) {
    const data = manifest.zeros;
    const what = view.dataset.of;
    const columns = data[what].columns;
    let made = null, paint = null;
    async function make() {
      const counts = await unpack(data[what].data, Uint32Array);
      const share = (row, column) => counts[row * columns + column] / data.samples[row];
      const one = what === "neurons" ? "neuron" : "block";
      paint = matrix(view, {
        rows: data.samples.length, columns, margin: 66, high: 13,
        label: `How often each ${one} is zero, by bucket`, idle: `Point at a ${one} for its rate.`,
        heading: (first, last) => `${what.startsWith("blocks") ? "blocks" : "neurons"} ${first} to ${last}`,
        rowName: row => data.rows[row],
        color: (row, column) => heat(palette(), share(row, column)),
        tell: (row, column) => `${one} ${column}, ${data.rows[row]}: zero in ${number(100 * share(row, column), 2)} %`,
      });
    }
    const draw = () => (made ??= make()).then(() => paint());
    return { draw, paint: () => paint && paint() };
  }

  const makers = { inputs, layer, psqt, zeros };
  const views = [...document.querySelectorAll("[data-view]")].map(place => ({ place, made: null }));
  const isShown = place => {
    for (let box = place.closest("details"); box; box = box.parentElement.closest("details")) {
      if (!box.open) return false;
    }
    return true;
  };
  let drawing = 0;
  /** Draws what is open. The page says when all of it is drawn. */
  function showOpen() {
    const drawn = [];
    drawing += 1;
    document.body.dataset.drawn = "no";
    for (const view of views) {
      if (!isShown(view.place)) continue;
      if (!view.made) view.made = makers[view.place.dataset.view](view.place);
      drawn.push(view.made.draw());
    }
    return Promise.all(drawn).then(() => {
      drawing -= 1;
      if (drawing === 0) document.body.dataset.drawn = "yes";
    });
  }
  const repaint = () => views.forEach(view => view.made && isShown(view.place) && view.made.paint());

  document.addEventListener("toggle", event => { if (event.target.open) showOpen(); }, true);
  dark.addEventListener("change", repaint);
  let width = document.documentElement.clientWidth;
  addEventListener("resize", () => {
    if (document.documentElement.clientWidth === width) return;
    width = document.documentElement.clientWidth;
    repaint();
  });
  addEventListener("beforeprint", () => { onPaper = true; repaint(); });
  addEventListener("afterprint", () => { onPaper = false; repaint(); });
  const toggle = document.getElementById("open-all");
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    document.querySelectorAll("details").forEach(box => { box.open = true; });
  });
  showOpen();
})();
