"""Everything that draws: progress, banner, summary, report. Fed by events and figures; no HTTP, no jobs."""
