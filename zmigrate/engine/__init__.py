"""A run's life, from the command to the result files. A tour:

A command calls `entry`. `runner/beginning` reads the sources, gets the token, runs the checks and asks the
person; `runner/runner` opens the folder, and `runner/session` does the work, counts it and writes the files.

A row is read by `rows/sources` and prepared by `pipeline/prepare`: `transform`, then conversion by the
field's type (`rows/conversion`). `pipeline/resolver` fills in its references, `pipeline/fence` holds its key,
`pipeline/producer` cuts batches. `dispatch/dispatcher` turns the loop: it takes a batch, `dispatch/in_flight`
records the intent in `storage/journal`, and a worker (`dispatch/sender`) sends the batch.

An answer comes back from `dispatch/sender`, which has `dispatch/verdicts` turn it into a verdict for each row
(`dispatch/zoho_reasons` reads why Zoho refused one). `dispatch/completion` decides what follows: outcomes
(`model/outcomes`), a second write, or doubt, which `dispatch/settling` has rules for and `dispatch/searching`
looks into. `dispatch/in_flight` moves the batch and commits its outcomes.

An error of one row is a `zmigrate.reasons.Reason` in its outcome; nothing is raised. An error of a request is
raised by `zoho/answers` and met by `dispatch/completion`. An error that ends the run is one of
`zmigrate.errors`: `runner/session` turns it into the run's state, `cli/errors` into a message and exit code.

Where to put what is new: an outcome in `model/outcomes`, and who decides it in `dispatch/verdicts`; a check
before the first write in `preflight/` (`target` for the module and the key, `fields` for what is filled,
`org` for the org; `record_work` calls those of a job); a column of a result file in `rows/spreadsheet`, and
which row goes into which file in `storage/result_files`; a source in `rows/sources`, known to its `opening`;
a warning of a plan in `plan/warnings`. Each folder imports only folders below it: entry, plan, runner,
dispatch, pipeline, preflight, storage, model.
"""
