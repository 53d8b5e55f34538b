SELECT fullname FROM customer WHERE customerid = $1
