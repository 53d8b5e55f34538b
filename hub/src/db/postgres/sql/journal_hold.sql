-- What another owner of the edits left waiting here.
UPDATE causeway.journal SET held = true WHERE site = $1;
