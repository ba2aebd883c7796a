//! Curves as SVG.

use plotters::prelude::*;

/// A named curve.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(usize, f64)>,
}

/// Pixels.
const SIZE: (u32, u32) = (760, 420);

/// Of Okabe and Ito, which all eyes tell apart.
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 0, 0), RGBColor(0, 114, 178), RGBColor(86, 180, 233), RGBColor(213, 94, 0)];

/// Draws curves with axes that are called `x` and `y`, both from zero.
pub(crate) fn draw(path: &str, (x, y): (&str, &str), curves: &[Curve]) {
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let right = all().map(|point| point.0).max().unwrap_or(1) as f64 * 1.02;
    let top = all().map(|point| point.1).fold(0.0, f64::max) * 1.05;
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..right, 0.0..top)
        .unwrap();
    let mesh = &mut chart.configure_mesh();
    mesh.x_label_formatter(&|x| format!("{x:.0}"));
    mesh.x_desc(x)
        .y_desc(y)
        .light_line_style(WHITE)
        .label_style(("sans-serif", 13))
        .draw()
        .unwrap();
    for (index, curve) in curves.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points: Vec<(f64, f64)> = curve.points.iter().map(|&(x, y)| (x as f64, y)).collect();
        let dots = points.iter().map(|&point| Circle::new(point, 3, colour.filled()));
        chart.draw_series(dots).unwrap();
        let line = chart.draw_series(LineSeries::new(points, colour.stroke_width(2))).unwrap();
        line.label(&curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    let labels = &mut chart.configure_series_labels();
    let labels = labels.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.8));
    labels.label_font(("sans-serif", 13)).border_style(BLACK.mix(0.3)).draw().unwrap();
    area.present().unwrap();
}

/// One of several curves over the same time.
pub(crate) struct Panel {
    pub(crate) name: &'static str,
    /// A value for each step from 1 on.
    pub(crate) points: Vec<f64>,
}

/// Pixels of a panel, and of what stands below the last one.
const PANEL: (u32, u32) = (760, 150);

/// Draws curves over the same time, one below the other, as steps.
pub(crate) fn draw_panels(path: &str, x: &str, panels: &[Panel]) {
    let height = PANEL.1 * u32::try_from(panels.len()).unwrap();
    let area = SVGBackend::new(path, (PANEL.0, height)).into_drawing_area();
    area.fill(&WHITE).unwrap();
    for (area, panel) in area.split_evenly((panels.len(), 1)).iter().zip(panels) {
        let right = panel.points.len() as f64;
        let top = panel.points.iter().copied().fold(0.0, f64::max).max(0.1) * 1.15;
        let mut chart = ChartBuilder::on(area)
            .caption(panel.name, ("sans-serif", 14))
            .margin(4)
            .x_label_area_size(34)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..right, 0.0..top)
            .unwrap();
        let mesh = &mut chart.configure_mesh();
        mesh.x_label_formatter(&|x| format!("{x:.0}")).y_labels(4).x_desc(x);
        mesh.light_line_style(WHITE).label_style(("sans-serif", 12)).draw().unwrap();
        let steps = panel.points.iter().enumerate();
        let steps = steps.flat_map(|(at, &y)| [(at as f64, y), (at as f64 + 1.0, y)]);
        chart.draw_series(LineSeries::new(steps, COLOURS[1].stroke_width(2))).unwrap();
    }
    area.present().unwrap();
}
