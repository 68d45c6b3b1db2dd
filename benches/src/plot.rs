//! Nanoseconds against the number of filters, every engine a line, as SVG.
//!
//! Both axes are logarithmic: the engines differ by four orders of magnitude, the filters by five.
//! The left panel is one packet a call in random order, the right one batches of 32.

use crate::{report::Report, workload::Workload};
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (1280, 640);

/// Colours that stay apart for the colour-blind (Okabe, Ito), each used with two kinds of mark.
const COLOURS: [RGBColor; 7] = [
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];

/// Draws the sweep into a file.
///
/// # Errors
///
/// Why it could not be drawn or written.
pub fn write(report: &Report, path: &Path) -> Result<(), String> {
    draw(report, path).map_err(|error| format!("{}: {error}", path.display()))
}

fn draw(report: &Report, path: &Path) -> Result<(), Box<dyn core::error::Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let panels = root.split_evenly((1, 2));
    let titles = [
        ("one packet a call, random order", Workload::Random),
        ("batches of 32, random order", Workload::Batch32),
    ];
    for (area, (title, workload)) in panels.iter().zip(titles) {
        panel(report, area, title, workload)?;
    }
    root.present()?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn panel(
    report: &Report,
    area: &Area<'_>,
    title: &str,
    workload: Workload,
) -> Result<(), Box<dyn core::error::Error>> {
    let rows: Vec<_> = report
        .rows
        .iter()
        .filter(|row| row.workload == workload)
        .collect();
    let most = rows.iter().map(|row| row.time.median).fold(10.0, f64::max);
    let greatest = rows.iter().map(|row| row.count).max().unwrap_or(10);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d(
            (0.8..f64::from(greatest) * 1.3).log_scale(),
            (1.0..most * 2.0).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("filters installed")
        .y_desc("ns per packet (median)")
        .x_label_formatter(&|count| format!("{count:.0}"))
        .y_label_formatter(&|time| format!("{time:.0}"))
        .light_line_style(RGBColor(238, 238, 238))
        .draw()?;
    for (index, peer) in report.peers().into_iter().enumerate() {
        let points = rows.iter().filter(|row| row.peer == peer);
        let points: Vec<(f64, f64)> = points
            .map(|row| (f64::from(row.count), row.time.median))
            .collect();
        if points.is_empty() {
            continue;
        }
        let width = if peer == "dpf" { 4 } else { 2 };
        let style = COLOURS[index % COLOURS.len()].stroke_width(width);
        let hollow = index >= COLOURS.len();
        let mark = if hollow { style } else { style.filled() };
        chart.draw_series(LineSeries::new(points.iter().copied(), style))?;
        chart
            .draw_series(points.into_iter().map(|point| Circle::new(point, 4, mark)))?
            .label(peer)
            .legend(move |(x, y)| {
                EmptyElement::at((x, y))
                    + PathElement::new([(0, 0), (22, 0)], style)
                    + Circle::new((11, 0), 4, mark)
            });
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(200, 200, 200))
        .legend_area_size(30)
        .draw()?;
    Ok(())
}
