SELECT a.appointmentid, a.consultantid, a.customerid, a."date", a."time", a.duration, a.meetingurl,
       a.status, a.description, a.createdat, a.updatedat,
       c.fullname AS customername, k.fullname AS consultantname
FROM appointment AS a
LEFT JOIN customer AS c ON c.customerid = a.customerid
LEFT JOIN consultant AS k ON k.consultantid = a.consultantid
