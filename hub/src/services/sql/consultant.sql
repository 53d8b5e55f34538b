SELECT isdisabled FROM consultant WHERE consultantid = $1
