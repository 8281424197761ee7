"""Files to practise on; all people, firms and numbers in them are made up.

`leads.csv`: 3,000 leads, columns named as Zoho's fields. Names have accents, firms commas and quotes, some
descriptions run over several lines. Imported by `Legacy_ID`, 2,988 can be created and 12 must fail:

- two without a last name, two with a broken e-mail address, two with a lead source that the pick list lacks;
- a last name of more than 80 characters, a first name of more than 40, a phone number with odd marks; - a
`Legacy_ID` that stood there before, one that differs from an earlier one in letter case only, an empty one.

`old_crm.csv`: 40 people with the columns id, name, email, for the README's job; three have no e-mail address.
"""
