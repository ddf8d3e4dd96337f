// Drawing on canvases: lines and stacks over the last seconds.

/** The context of a canvas, cleared, as sharp as the screen, and its size in CSS pixels. */
export function begin(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Traces `values` (oldest first) as a line in a box; a NaN leaves a gap. Fills what is below it, if told to. */
export function line(context, values, box, top, { stroke, fill, weight = 1.5 }) {
  const step = box.width / (values.length - 1);
  const y = (value) => box.y + box.height * (1 - Math.min(value, top) / top);
  let from = -1;
  for (let i = 0; i <= values.length; i++) {
    const isKnown = i < values.length && !Number.isNaN(values[i]);
    if (isKnown && from < 0) from = i;
    if (isKnown || from < 0) continue;
    context.beginPath();
    context.moveTo(box.x + from * step, y(values[from]));
    // One second alone is a short dash.
    if (i - from === 1) context.lineTo(box.x + from * step + 1, y(values[from]));
    for (let k = from + 1; k < i; k++) context.lineTo(box.x + k * step, y(values[k]));
    if (stroke) {
      context.strokeStyle = stroke;
      context.lineWidth = weight;
      context.lineJoin = "round";
      context.stroke();
    }
    if (fill) {
      context.lineTo(box.x + (i - 1) * step, box.y + box.height);
      context.lineTo(box.x + from * step, box.y + box.height);
      context.fillStyle = fill;
      context.fill();
    }
    from = -1;
  }
}

/** A chart's frame: lines at 0, 50 and 100 %, thresholds, and how long ago the left edge is. The box for its content. */
export function frame(context, width, height, palette, { seconds, marks = [] }) {
  const box = { x: 34, y: 8, width: width - 42, height: height - 28 };
  context.font = "11px system-ui, sans-serif";
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const share of [0, 50, 100]) {
    const y = Math.round(box.y + box.height * (1 - share / 100)) + 0.5;
    horizontal(context, box, y, palette.line, []);
    context.fillStyle = palette["ink-2"];
    context.fillText(String(share), box.x - 6, y);
  }
  for (const { at, colour } of marks) {
    if (at < 1000) horizontal(context, box, Math.round(box.y + box.height * (1 - at / 1000)) + 0.5, colour, [3, 3]);
  }
  context.fillStyle = palette["ink-2"];
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  const ago = seconds % 60 ? `${seconds} s ago` : `${seconds / 60} min ago`;
  context.fillText(ago, box.x, height - 6);
  context.textAlign = "right";
  context.fillText("now", box.x + box.width, height - 6);
  return box;
}

function horizontal(context, box, y, colour, dash) {
  context.beginPath();
  context.setLineDash(dash);
  context.strokeStyle = colour;
  context.moveTo(box.x, y);
  context.lineTo(box.x + box.width, y);
  context.stroke();
  context.setLineDash([]);
}

/** A sparkline of shares in thousandths, from 0 to 100 %. */
export function sparkline(canvas, values, palette) {
  const { context, width, height } = begin(canvas);
  if (!width) return;
  const box = { x: 1, y: 2, width: width - 2, height: height - 4 };
  context.globalAlpha = 0.18;
  line(context, values, box, 1000, { fill: palette["ramp-3"] });
  context.globalAlpha = 1;
  line(context, values, box, 1000, { stroke: palette["ramp-3"] });
}
